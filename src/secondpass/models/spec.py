"""A folder to a spec: all the facts about a model that the later stages need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from secondpass.architectures.record import Architecture
from secondpass.architectures.table import ARCHITECTURES
from secondpass.checks import integer
from secondpass.errors import (
    Argument,
    Either,
    InputError,
    ModelFileError,
    UnsupportedModelError,
)
from secondpass.models.boundary import at_the_boundary
from secondpass.models.config import SentenceBertConfig, needed, read_config, typed
from secondpass.models.digest import file_sha256, files_sha256, text_sha256
from secondpass.models.files import (
    WeightFiles,
    find_weights,
    read_any_json,
    read_json_if_there,
)
from secondpass.models.folder import ModelFolder, Origin

Pooling = Literal["mean", "cls"]

# Exit heads beside weights that have none, or whose format is not safetensors.
EXITS_FILE = "exits.safetensors"


@dataclass(frozen=True)
class ModelSpec:
    """What a model is: its place, its files, its raw config and what follows from them.

    `modular` is config_sentence_transformers.json, empty for a plain model. `pooling` is set for a
    bi-encoder only. `revision` is the commit of a hub model.
    """

    name: str
    folder: Path
    origin: Origin
    revision: str | None
    weights: WeightFiles
    config: Mapping[str, Any]
    modular: Mapping[str, Any]
    module_types: tuple[str, ...]
    pooling: Pooling | None
    sequence_limit: int | None

    def needed(self, key: str) -> int:
        """Return a number of config.json that has no default; a ModelFileError without one."""
        return int(needed(self.config, key, self.config_file))

    @property
    def config_file(self) -> Path:
        """Return the path of config.json."""
        return self.folder / "config.json"

    @property
    def architecture(self) -> str:
        """Return the `model_type` of config.json, such as "bert"."""
        return str(self.config.get("model_type") or "")

    @property
    def family(self) -> Architecture | None:
        """Return what is known of its architecture; None for one without a graph builder."""
        return ARCHITECTURES.get(self.architecture)

    @property
    def activations(self) -> tuple[str, ...]:
        """Return the activations that config.json names for the layers of a known architecture."""
        keys = self.family.activation_keys if self.family is not None else ()
        return tuple(self.config[key] for key in keys if self.config.get(key) is not None)

    @property
    def width(self) -> int:
        """Return the size of a hidden state; a ModelFileError where config.json has none."""
        return self.needed("hidden_size" if self.config.get("dim") is None else "dim")

    @property
    def tokenizer_file(self) -> Path:
        """Return the path of tokenizer.json."""
        return self.folder / "tokenizer.json"

    @property
    def positions_after_padding(self) -> bool:
        """Tell whether position ids start behind the padding id, as RoBERTa's do."""
        return self.family is not None and self.family.positions_after_padding

    @property
    def padding_id(self) -> int:
        """Return the token id to pad with."""
        return int(self.config.get("pad_token_id") or 0)

    @property
    def position_limit(self) -> int | None:
        """Return the most tokens a sequence may have, None where the config sets no limit."""
        limit = self.config.get("max_position_embeddings")
        if limit is None:
            return None
        return int(limit) - (self.padding_id + 1 if self.positions_after_padding else 0)

    @property
    def exit_files(self) -> tuple[Path, ...]:
        """Return the safetensors files that may hold exit heads, the folder's own file last."""
        own = self.folder / EXITS_FILE
        weights = self.weights.files if self.weights.format == "safetensors" else ()
        return (*weights, own) if own.is_file() else weights

    @cached_property
    def weights_sha256(self) -> str:
        """Return the SHA-256 of the weight file, or of its parts' hashes."""
        return files_sha256(self.weights.files)

    @cached_property
    def tokenizer_sha256(self) -> str:
        """Return the SHA-256 of tokenizer.json."""
        return file_sha256(self.tokenizer_file)

    @cached_property
    def config_sha256(self) -> str:
        """Return a SHA-256 over config.json as it lies on disk."""
        return text_sha256((self.folder / "config.json").read_text(encoding="utf-8"))


@at_the_boundary
def read_cross_encoder_spec(found: ModelFolder) -> ModelSpec:
    """Read the spec of a model that scores pairs; its weights are not opened yet.

    Raises:
        ModelFileError: config.json, tokenizer.json or the weights are missing or broken.
        UnsupportedModelError: the config says that the model has several labels.
    """
    spec = _read_spec(found)
    if "Pooling" in spec.module_types:
        raise UnsupportedModelError(
            f"{spec.name} is an embedding model (its modules are {', '.join(spec.module_types)}) "
            "and cannot rank: ",
            Either("give it to Embedder, or name", "name"),
            " a cross-encoder such as cross-encoder/ms-marco-MiniLM-L-6-v2",
        )
    labels = _configured_labels(spec.config)
    if labels is not None:
        require_one_label(labels, spec.name)
    return spec


@at_the_boundary
def read_bi_encoder_spec(found: ModelFolder) -> ModelSpec:
    """Read the spec of a sentence-transformers embedding model (mean or first-token pooling).

    Raises:
        ModelFileError: as `read_cross_encoder_spec`.
        UnsupportedModelError: it is a cross-encoder, or its pooling is another one.
    """
    spec = _read_spec(found, pooling=_read_pooling(found.path))
    if not spec.module_types and _scores_pairs(spec):
        raise UnsupportedModelError(
            f"{spec.name} is a cross-encoder and embeds nothing: give it to CrossEncoderReranker, "
            "or name an embedding model such as sentence-transformers/all-MiniLM-L6-v2"
        )
    return spec


def _scores_pairs(spec: ModelSpec) -> bool:
    """Tell whether config.json says that a model scores pairs."""
    architectures = spec.config.get("architectures") or ()
    late_join = spec.family is not None and spec.family.kind == "late-join"
    return late_join or any("ForSequenceClassification" in str(name) for name in architectures)


def require_one_label(labels: int, name: str) -> None:
    """Raise unless a model's head has one label: several labels give no single order."""
    if labels != 1:
        raise UnsupportedModelError(
            f"{name} has {labels} labels and cannot rank: a reranker needs a model with one label, "
            "such as cross-encoder/ms-marco-MiniLM-L-6-v2, BAAI/bge-reranker-base or the embedded "
            "one"
        )


def checked_max_length(max_length: int, spec: ModelSpec, special_tokens: int) -> int:
    """Return `max_length` if the model can take that many tokens and a pair fits in it.

    Raises:
        InputError: it is too short or too long.
    """
    integer("max_length", max_length, special_tokens + 2)
    if spec.position_limit is not None and max_length > spec.position_limit:
        raise InputError(
            Argument("max_length"),
            f" {max_length} is more than the {spec.position_limit} positions of {spec.name}; pass ",
            Argument("max_length", spec.position_limit),
            " or less",
        )
    return int(max_length)


def _read_spec(found: ModelFolder, pooling: Pooling | None = None) -> ModelSpec:
    folder = found.path
    config = read_config(folder / "config.json")
    if not (folder / "tokenizer.json").exists():
        raise ModelFileError(
            f"{folder / 'tokenizer.json'} is missing: save it with the transformers library, "
            "AutoTokenizer.from_pretrained(...).save_pretrained(...)"
        )
    modules = _read_modules(folder)
    sentence_bert = folder / "sentence_bert_config.json"
    return ModelSpec(
        name=found.name,
        folder=folder,
        origin=found.origin,
        revision=found.revision,
        weights=find_weights(folder),
        config=config,
        modular=read_json_if_there(folder / "config_sentence_transformers.json"),
        module_types=modules,
        pooling=pooling,
        sequence_limit=typed(
            read_json_if_there(sentence_bert), SentenceBertConfig, sentence_bert
        ).max_seq_length,
    )


def _configured_labels(config: Mapping[str, Any]) -> int | None:
    """Return the number of labels if config.json says it, by `num_labels` or `id2label`."""
    labels: int | None = config.get("num_labels")
    named = config.get("id2label")
    return labels if labels is not None or named is None else len(named)


def _read_modules(folder: Path) -> tuple[str, ...]:
    """Return the class names in modules.json, in order; empty without one."""
    file = folder / "modules.json"
    if not file.exists():
        return ()
    try:
        return tuple(str(module["type"]).rpartition(".")[2] for module in read_any_json(file))
    except (TypeError, KeyError) as error:
        raise ModelFileError(f"{file} is not a list of modules with a type: {error}") from None


def _read_pooling(folder: Path) -> Pooling:
    file = folder / "1_Pooling" / "config.json"
    config = read_json_if_there(file)
    if config.get("pooling_mode_cls_token") or config.get("pooling_mode") == "cls":
        return "cls"
    if config.get("pooling_mode_mean_tokens", True) or config.get("pooling_mode") == "mean":
        return "mean"
    raise UnsupportedModelError(f"{file}: only mean and first-token pooling are known: {config}")
