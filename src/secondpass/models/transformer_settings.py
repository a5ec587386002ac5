"""What sentence_bert_config.json says of the encoder: its length, its texts, what it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from secondpass.checks import shortened
from secondpass.errors import ModelFileError, UnsupportedModelError
from secondpass.models.config import Count, typed
from secondpass.models.files import read_json

# Older folders name the file after their encoder; the first that is there and not empty counts.
FILES = (
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
)
# What may be handed to the loading of weights, config and tokenizer and changes no score here.
_HARMLESS = frozenset(
    {"attn_implementation", "device_map", "dtype", "torch_dtype", "trust_remote_code"}
    | {"use_cache", "use_fast", "use_safetensors", "low_cpu_mem_usage"}
)
_HANDED_ON = (
    *("model_args", "model_kwargs", "tokenizer_args", "processor_kwargs", "config_args"),
    *("config_kwargs", "processing_kwargs"),
)
# Keys whose other values would change a score and are not known here.
_ONLY: Mapping[str, tuple[Any, ...]] = {
    "tokenizer_name_or_path": (None,),
    "query_length": (None,),
    "document_length": (None,),
    "query_expansion": (None,),
}
# Of each task: the output that is taken of the transformer, and the feature that it becomes.
_TASKS = {
    "feature-extraction": ("last_hidden_state", "token_embeddings"),
    "sequence-classification": ("logits", "scores"),
    "text-generation": ("logits", "causal_logits"),
}


class _Keys(msgspec.Struct):
    max_seq_length: Count | None = None
    do_lower_case: bool | None = None
    transformer_task: str = "feature-extraction"
    module_output_name: str | None = None
    modality_config: dict[str, dict[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class TransformerSettings:
    """How the first module reads texts: `task`, its longest sequence, whether it lowers letters.

    `chats` tells whether texts go through the tokenizer's chat template, where it has one, and
    `message_format` how they stand in a message: "flat" or "structured", None where no file says.
    """

    task: str = "feature-extraction"
    max_length: int | None = None
    lowercase: bool = False
    chats: bool = True
    message_format: str | None = None


def read_transformer_settings(folder: Path, *, followed: bool = True) -> TransformerSettings:
    """Read the settings; a folder without a modules.json has the defaults, `followed` is False.

    Raises:
        ModelFileError: the file is not readable.
        UnsupportedModelError: a key has a value that is not followed here; the message names it.
    """
    file, values = _first(folder)
    keys = typed(values, _Keys, file)
    if not followed:
        return TransformerSettings()
    for key, allowed in _ONLY.items():
        if values.get(key) not in allowed:
            raise _not_followed(file, key, values[key])
    for key in _HANDED_ON:
        _require_harmless(values.get(key), key, file)
    _require_known_output(keys, file)
    return TransformerSettings(
        task=keys.transformer_task,
        max_length=keys.max_seq_length,
        lowercase=bool(keys.do_lower_case),
        chats="message" in (keys.modality_config or {}),
        message_format=_message_format(keys, file),
    )


def _first(folder: Path) -> tuple[Path, dict[str, Any]]:
    for name in FILES:
        if (folder / name).exists() and (values := read_json(folder / name)):
            return folder / name, values
    return folder / FILES[0], {}


def _require_harmless(value: Any, key: str, file: Path) -> None:
    if value is None:
        return
    if not isinstance(value, dict):
        raise ModelFileError(f"{file} has {key} {shortened(value)}, expected an object")
    for name, meant in value.items():
        if name not in _HARMLESS and meant not in (None, {}, []):
            raise _not_followed(file, f"{key}.{name}", meant)


def _require_known_output(keys: _Keys, file: Path) -> None:
    """Raise unless the transformer's one output is the usual one of its task."""
    if keys.transformer_task not in _TASKS:
        raise _not_followed(file, "transformer_task", keys.transformer_task)
    if keys.modality_config is None:
        return
    output, feature = _TASKS[keys.transformer_task]
    for modality in ("text", "message"):
        said = keys.modality_config.get(modality, {}).get("method_output_name", output)
        if said not in (output, [output]):
            raise _not_followed(file, f"modality_config.{modality}.method_output_name", said)
    if keys.module_output_name not in (None, feature):
        raise _not_followed(file, "module_output_name", keys.module_output_name)


def _message_format(keys: _Keys, file: Path) -> str | None:
    said = (keys.modality_config or {}).get("message", {}).get("format", "auto")
    if said not in ("auto", "flat", "structured"):
        raise _not_followed(file, "modality_config.message.format", said)
    return None if said == "auto" else str(said)


def _not_followed(file: Path, key: str, value: Any) -> UnsupportedModelError:
    return UnsupportedModelError(
        f"{file} has {key} {shortened(value)}, which would change scores and is not known here; "
        "take the model without it, or score with sentence-transformers"
    )
