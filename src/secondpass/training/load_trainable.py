"""A model's name to a CrossEncoder of sentence-transformers that can be trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secondpass.architectures.table import LATE_JOIN
from secondpass.errors import InputError, UnsupportedModelError
from secondpass.models.activation import configured_activation
from secondpass.models.code_free import require_code_free
from secondpass.models.files import read_json_if_there
from secondpass.models.folder import ModelFolder, find_folder
from secondpass.models.spec import (
    ModelSpec,
    checked_max_length,
    read_bi_encoder_spec,
    read_cross_encoder_spec,
)
from secondpass.options.model import CROSS_ENCODER, Activation

# [CLS] query [SEP] text [SEP]; RoBERTa has one more.
_SPECIAL_TOKENS = 4
# The class of each activation: sentence-transformers would import any name of the config.
_TORCH_NAMES: Mapping[Activation, str] = {
    "sigmoid": "Sigmoid",
    "identity": "Identity",
    "tanh": "Tanh",
    "relu": "ReLU",
    "softplus": "Softplus",
}
_LOCAL = {"local_files_only": True, "trust_remote_code": False}
_OF_EMBEDDED = "make build/cross-encoder in a clone puts its weights together, for --model"
_NO_MODEL = (
    "give --model: a folder or a hub name of a model to start from. The embedded one ships at "
    f"int8 and cannot be trained so; {_OF_EMBEDDED}"
)


def load_trainable(model: str | None, max_length: int) -> Any:
    """Load a cross-encoder, or an encoder such as a bi-encoder, whose head is then new.

    A new head comes from torch's random numbers: seed them before. Only safetensors are read, from
    a folder or from what `find_folder` takes from the hub; the folder's code is never run.

    Raises:
        InputError: there is no such model, or it cannot take `max_length` tokens.
        UnsupportedModelError: it has several labels, no safetensors, or names code to run.
    """
    spec = check_trainable(model, max_length)
    import torch
    from sentence_transformers import CrossEncoder
    from sentence_transformers.base.modules import Transformer

    name = configured_activation(spec.config, spec.modular, name=spec.name)
    activation_fn = getattr(torch.nn, _TORCH_NAMES[name])()
    if spec.family is LATE_JOIN:
        from secondpass.training.late_join_module import LateJoinModule

        modules = [LateJoinModule(spec.folder, max_length)]
        return CrossEncoder(modules=modules, num_labels=1, activation_fn=activation_fn)
    transformer = Transformer(
        str(spec.folder),
        transformer_task="sequence-classification",
        model_kwargs={"use_safetensors": True, "dtype": "float32", **_LOCAL},
        processor_kwargs=dict(_LOCAL),
        config_kwargs={"num_labels": 1, **_LOCAL},
        max_seq_length=max_length,
    )
    return CrossEncoder(modules=[transformer], num_labels=1, activation_fn=activation_fn)


def check_trainable(model: str | None, max_length: int) -> ModelSpec:
    """Check, before any work, what `load_trainable` is going to load; raises as it does."""
    if model is None:
        raise InputError(_NO_MODEL)
    spec = _spec(find_folder(model))
    if spec.weights.format != "safetensors":
        of_embedded = spec.name == CROSS_ENCODER
        raise UnsupportedModelError(
            f"{spec.name} holds {spec.weights.entry.name}, and only safetensors can be trained; "
            + (_OF_EMBEDDED if of_embedded else "name the model it was made from")
        )
    require_code_free(spec.folder)
    checked_max_length(max_length, spec, _SPECIAL_TOKENS)
    return spec


def _spec(found: ModelFolder) -> ModelSpec:
    if (found.path / "1_Pooling").is_dir():
        return read_bi_encoder_spec(found)
    spec = read_cross_encoder_spec(found)
    names = read_json_if_there(found.path / "config.json").get("architectures") or [""]
    labels = spec.config.get("num_labels", len(spec.config.get("id2label") or (0, 1)))
    if names[0].endswith("ForSequenceClassification") and labels != 1:
        raise UnsupportedModelError(f"{spec.name} has {labels} labels; a reranker has one")
    return spec
