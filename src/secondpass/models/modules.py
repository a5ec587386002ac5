"""The modules of a sentence-transformers folder, as modules.json and their own configs say.

A module reads one feature and writes one: "token_embeddings" [rows, length, width],
"sentence_embedding" [rows, width] or "scores" [rows, labels].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from secondpass.checks import shortened
from secondpass.errors import ModelFileError, UnsupportedModelError
from secondpass.models.config import CountOrZero, Width, typed
from secondpass.models.files import (
    read_any_json,
    read_json,
    read_json_if_there,
    require_file,
    require_within,
)

TOKENS, SENTENCE, SCORES = "token_embeddings", "sentence_embedding", "scores"
MODULES_FILE = "modules.json"
WEIGHTS = "model.safetensors"

POOLING_MODES = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
# The booleans of older folders, in the order in which what they name is joined.
_OLD_MODES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
# The classes of torch.nn that a Dense module may name, by their names in
# architectures/activations.py.
DENSE_ACTIVATIONS = {
    "Identity": "linear",
    "Tanh": "tanh",
    "GELU": "gelu",
    "ReLU": "relu",
    "SiLU": "silu",
    "Sigmoid": "sigmoid",
}


# Of each kind of module that has files of its own, those without which it cannot be read.
_FILES_OF = {
    "Pooling": ("config.json",),
    "Dense": ("config.json", WEIGHTS),
    "LayerNorm": ("config.json", WEIGHTS),
    "LogitScore": ("config.json",),
}


@dataclass(frozen=True, slots=True)
class Pooling:
    """Token embeddings to one vector a row: the joined results of `modes`."""

    modes: tuple[str, ...] = ("mean",)
    include_prompt: bool = True


@dataclass(frozen=True, slots=True)
class Dense:
    """A linear layer and an activation; with `residual` its input is added."""

    folder: Path
    activation: str
    reads: str
    writes: str
    inputs: int
    outputs: int
    bias: bool
    residual: bool


@dataclass(frozen=True, slots=True)
class LayerNorm:
    """A layer norm of the sentence embedding."""

    folder: Path


@dataclass(frozen=True, slots=True)
class Normalize:
    """A feature to unit length."""

    reads: str
    writes: str


@dataclass(frozen=True, slots=True)
class LogitScore:
    """The score of a language model: the logit of a token behind the text, less another's."""

    true_token: int
    false_token: int | None


@dataclass(frozen=True, slots=True)
class Other:
    """A module that is computed by sentence-transformers only, or by the encoder's graph."""

    kind: str


Module: TypeAlias = Pooling | Dense | LayerNorm | Normalize | LogitScore | Other


class _PoolingKeys(msgspec.Struct):
    """The keys of a pooling's config; the booleans of older folders are read by name."""

    pooling_mode: str | list[str] | None = None
    include_prompt: bool = True


class _DenseKeys(msgspec.Struct):
    in_features: Width
    out_features: Width
    bias: bool = True
    activation_function: str = "torch.nn.modules.activation.Tanh"
    module_input_name: str = SENTENCE
    module_output_name: str | None = None
    use_residual: bool = False


class _NormalizeKeys(msgspec.Struct):
    module_input_name: str = SENTENCE
    module_output_name: str | None = None


class _LogitScoreKeys(msgspec.Struct):
    true_token_id: CountOrZero
    false_token_id: CountOrZero | None = None
    module_input_name: str = "causal_logits"


class Entry(msgspec.Struct):
    """One line of modules.json."""

    type: str
    path: str

    @property
    def kind(self) -> str:
        """Return the name of the class."""
        return self.type.rpartition(".")[2]


def read_entries(folder: Path) -> tuple[Entry, ...]:
    """Return the modules that modules.json lists, in order; empty without one.

    Raises:
        ModelFileError: it is not a list of modules, or a path leaves the folder.
        UnsupportedModelError: it lists several modules of type Transformer.
    """
    file = folder / MODULES_FILE
    if not file.exists():
        return ()
    listed = read_any_json(file)
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise ModelFileError(f"{file} is not a list of modules with a type")
    entries = tuple(typed(entry, Entry, file) for entry in listed)
    for entry in entries:
        if entry.path:  # the first module lies in the folder itself
            require_within(entry.path, file)
    transformers = sum(entry.kind == "Transformer" for entry in entries)
    if transformers > 1:
        raise UnsupportedModelError(
            f"{file} lists {transformers} modules of type Transformer, expected one: only the "
            "first would be computed"
        )
    return entries


def read_modules(folder: Path) -> tuple[Module, ...]:
    """Return what each module of a folder does, in order; empty without modules.json.

    Raises:
        ModelFileError: a file is missing or not readable.
        UnsupportedModelError: a module's config asks for what is not known here.
    """
    return tuple(
        module
        for entry in read_entries(folder)
        if entry.kind != "Dropout"
        for module in [_read(entry, folder)]
    )


def module_files(folder: Path) -> list[str]:
    """Return the files behind the encoder that modules.json names, relative to the folder."""
    return [
        f"{entry.path}/{name}"
        for entry in read_entries(folder)
        for name in _FILES_OF.get(entry.kind, ())
    ]


def weight_files(modules: tuple[Module, ...]) -> tuple[Path, ...]:
    """Return the safetensors files of the modules that have weights, in order."""
    return tuple(
        module.folder / WEIGHTS for module in modules if isinstance(module, Dense | LayerNorm)
    )


def _read(entry: Entry, folder: Path) -> Module:
    place = folder / entry.path
    if entry.kind == "Pooling":
        return read_pooling(place / "config.json")
    if entry.kind == "Dense":
        return _read_dense(place)
    if entry.kind == "LayerNorm":
        require_file(place / WEIGHTS)
        return LayerNorm(place)
    if entry.kind == "Normalize":
        file = place / "config.json"
        keys = typed(read_json_if_there(file), _NormalizeKeys, file)
        return Normalize(keys.module_input_name, keys.module_output_name or keys.module_input_name)
    if entry.kind == "LogitScore":
        return _read_logit_score(place / "config.json")
    if entry.kind == "Transformer" and entry.path not in ("", "."):
        raise UnsupportedModelError(
            f"{folder / MODULES_FILE}: the Transformer's path is {shortened(entry.path)}, expected "
            "'', the model folder itself: move its files there, or save the model again with "
            "sentence-transformers"
        )
    return Other(entry.kind)


def read_pooling(file: Path) -> Pooling:
    """Read a pooling's config, of this format or of the older one with a boolean a mode.

    Raises:
        UnsupportedModelError: a mode is not known.
    """
    config = read_json(file)
    keys = typed(config, _PoolingKeys, file)
    modes = keys.pooling_mode
    if modes is None:
        modes = [mode for key, mode in _OLD_MODES.items() if _true(config, key, file)] or ["mean"]
    joined = (modes,) if isinstance(modes, str) else tuple(modes)
    unknown = [mode for mode in joined if mode not in POOLING_MODES]
    if unknown or not joined:
        raise UnsupportedModelError(
            f"{file} has pooling_mode {shortened(keys.pooling_mode)}, expected one or several of "
            f"{', '.join(POOLING_MODES)}"
        )
    return Pooling(joined, keys.include_prompt)


def _read_logit_score(file: Path) -> LogitScore:
    keys = typed(read_json(file), _LogitScoreKeys, file)
    if keys.module_input_name != "causal_logits":
        raise UnsupportedModelError(
            f"{file} has module_input_name {shortened(keys.module_input_name)}, expected "
            "'causal_logits'"
        )
    return LogitScore(keys.true_token_id, keys.false_token_id)


def _true(config: Mapping[str, Any], key: str, file: Path) -> bool:
    value = config.get(key, False)
    if not isinstance(value, bool | None):
        raise ModelFileError(f"{file} has {key} {shortened(value)}, expected true or false")
    return bool(value)


def _read_dense(place: Path) -> Dense:
    file = place / "config.json"
    keys = typed(read_json(file), _DenseKeys, file)
    torch, _, name = keys.activation_function.rpartition(".")
    activation = DENSE_ACTIVATIONS.get(name)
    if activation is None or not torch.startswith("torch.nn"):
        raise UnsupportedModelError(
            f"{file} has activation_function {shortened(keys.activation_function)}, known are "
            f"{', '.join(DENSE_ACTIVATIONS)} of torch.nn"
        )
    require_file(place / WEIGHTS)
    return Dense(
        folder=place,
        activation=activation,
        reads=keys.module_input_name,
        writes=keys.module_output_name or keys.module_input_name,
        inputs=keys.in_features,
        outputs=keys.out_features,
        bias=keys.bias,
        residual=keys.use_residual,
    )
