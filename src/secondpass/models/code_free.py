"""Refuses a model folder whose JSON names code to run, before another library reads it.

transformers and sentence-transformers import what a config names: an activation function is any
`torch.*` name, called without arguments; a module is any class; an attention is a kernel from the
hub. What they are given is therefore checked by their rules, not by what we ourselves read of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from secondpass.errors import UnsupportedModelError
from secondpass.models.files import read_any_json
from secondpass.models.modules import MODULES_FILE, read_entries
from secondpass.models.plain_files import require_plain_files

# The JSON files of a folder, and of its modules' folders, that those libraries read.
_READ_BY_OTHERS = ("*config.json", "config_sentence_transformers.json")
# Keys that name code, wherever they stand.
_CODE_KEYS = frozenset(
    {"auto_map", "custom_pipelines", "custom_generate", "code_revision", "trust_remote_code"}
)
_KNOWN_ATTENTIONS = frozenset({"eager", "sdpa", "flash_attention_2", "flex_attention", None})
# A class of torch.nn, which is made without arguments, or a number type.
_HARMLESS_TORCH = re.compile(
    r"torch\.(nn(\.modules(\.[a-z]+)?)?\.[A-Z][A-Za-z0-9]*|(b?float|u?int)[0-9]+)"
)
_KNOWN_MODULES = re.compile(
    r"sentence_transformers(\.[A-Za-z_]+)*"
    r"\.(Transformer|Pooling|Normalize|Dense|Dropout|LayerNorm|LogitScore)"
)


def require_code_free(folder: Path) -> None:
    """Raise if a folder names code, or holds weights that are a pickle where a module has no other.

    Raises:
        UnsupportedModelError: a value names code; the message names file, key and value.
        ModelFileError: a file is not JSON of the shape that is read, or no file at all.
    """
    require_plain_files(folder)
    if (folder / "adapter_config.json").exists():
        raise UnsupportedModelError(
            f"{folder / 'adapter_config.json'}: the folder is an adapter, which names another "
            "model to load; merge it into its base model and save that"
        )
    modules = _modules(folder)
    for module in modules:
        _require_safetensors(module)
    places = {folder, *modules}
    files = {file for place in places for name in _READ_BY_OTHERS for file in place.glob(name)}
    for file in sorted(files):
        for key, value in _values(read_any_json(file)):
            if _is_code(file, key, value):
                raise _names_code(file, key, value)


def _modules(folder: Path) -> list[Path]:
    """Return the folders of the modules that modules.json lists, none without one."""
    entries = read_entries(folder)
    for entry in entries:
        if not _KNOWN_MODULES.fullmatch(entry.type):
            raise _names_code(folder / MODULES_FILE, "type", entry.type)
    return [folder / entry.path for entry in entries]


def _require_safetensors(module: Path) -> None:
    pickled = module / "pytorch_model.bin"
    if pickled.exists() and not list(module.glob("model*.safetensors")):
        raise UnsupportedModelError(
            f"{pickled} is a pickle, which is never read; save the model as safetensors"
        )


def _values(parsed: Any) -> Iterator[tuple[str, Any]]:
    """Yield every key with its value, however deep; the members of a list under the list's key."""
    waiting: list[tuple[str, Any]] = [("", parsed)]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, dict):
            yield from value.items()
            waiting.extend(value.items())
        elif isinstance(value, list):
            yield from ((key, member) for member in value)
            waiting.extend((key, member) for member in value)


def _is_code(file: Path, key: str, value: Any) -> bool:
    if key in _CODE_KEYS:
        return bool(value)
    if key.endswith("attn_implementation"):
        return not _known_attention(value)
    if key == "method" and file.name.startswith("sentence_"):
        return bool(value != "forward")
    is_torch = isinstance(value, str) and value.startswith("torch.")
    return is_torch and not _HARMLESS_TORCH.fullmatch(value)


def _known_attention(value: Any) -> bool:
    named = value.values() if isinstance(value, dict) else (value,)
    return all(isinstance(name, str | None) and name in _KNOWN_ATTENTIONS for name in named)


def _names_code(file: Path, key: str, value: Any) -> UnsupportedModelError:
    return UnsupportedModelError(
        f"{file} names code that is not part of a known library module: {key} is "
        f"{repr(value)[:80]}. No model's code is ever run; take a model that needs none"
    )
