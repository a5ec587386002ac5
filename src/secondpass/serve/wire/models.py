"""What is served: the list of `/v1/models`, and text-embeddings-inference's `/info`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from secondpass import __version__
from secondpass.options.serve import ServeOptions
from secondpass.serve.contract import ServedModel
from secondpass.types import ModelInfo


class ListedModel(msgspec.Struct):
    """A name that a request may give; `root` is the model's own, `max_model_len` once loaded."""

    id: str
    root: str
    loaded: bool
    max_model_len: int | None
    object: str = "model"
    created: int = 0
    owned_by: str = "secondpass"


class ModelList(msgspec.Struct):
    """All names that a request may give."""

    data: list[ListedModel]
    object: str = "list"


class RerankerType(msgspec.Struct):
    """The labels of a reranker, which has one."""

    id2label: dict[str, str] = msgspec.field(default_factory=lambda: {"0": "LABEL_0"})
    label2id: dict[str, int] = msgspec.field(default_factory=lambda: {"LABEL_0": 0})


class ServerInfo(msgspec.Struct):
    """The default model and the server's limits."""

    model_id: str
    model_sha: str | None
    model_dtype: str
    model_type: dict[str, RerankerType]
    max_input_length: int
    max_client_batch_size: int
    auto_truncate: bool
    version: str
    engine: str
    activation: str
    limits: Mapping[str, float]


def model_list(models: Sequence[ServedModel]) -> ModelList:
    """Return each name of each model."""
    return ModelList(
        [
            ListedModel(
                name,
                model.name,
                model.info is not None,
                None if model.info is None else model.info.max_length,
            )
            for model in models
            for name in (model.name, *model.aliases)
        ]
    )


def server_info(info: ModelInfo, options: ServeOptions) -> ServerInfo:
    """Return what the server tells of itself."""
    return ServerInfo(
        model_id=info.name,
        model_sha=info.revision,
        model_dtype=info.precision,
        model_type={"reranker": RerankerType()},
        max_input_length=info.max_length,
        max_client_batch_size=options.max_documents,
        auto_truncate=True,
        version=__version__,
        engine=info.engine,
        activation=info.activation,
        limits={
            "documents": options.max_documents,
            "body_bytes": options.max_body_bytes,
            "characters": options.max_characters,
            "query_characters": options.max_query_characters,
            "timeout_s": options.timeout_s,
        },
    )
