"""Which files of a folder make the model, and reading its JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from secondpass.errors import ModelFileError

Format = Literal["safetensors", "openvino", "onnx"]

# Looked for in this order; the first that is there is the model.
_WEIGHT_FILES: tuple[tuple[Format, str], ...] = (
    ("safetensors", "model.safetensors"),
    ("safetensors", "model.safetensors.index.json"),
    ("openvino", "openvino_model.xml"),
    ("openvino", "openvino/openvino_model.xml"),
    ("onnx", "model.onnx"),
    ("onnx", "onnx/model.onnx"),
)


@dataclass(frozen=True, slots=True)
class WeightFiles:
    """The format of a model's weights, the file to open, and every file that holds weights."""

    format: Format
    entry: Path
    files: tuple[Path, ...]

    @property
    def bytes(self) -> int:
        """Return the size of all files together."""
        return sum(file.stat().st_size for file in self.files)


def find_weights(folder: Path) -> WeightFiles:
    """Find the weights of a model folder; a safetensors file wins over IR, IR over ONNX."""
    for format_name, relative in _WEIGHT_FILES:
        entry = folder / relative
        if entry.is_file():
            return WeightFiles(format_name, entry, _all_files(entry))
    raise ModelFileError(
        f"{folder} holds no weights: looked for {', '.join(name for _, name in _WEIGHT_FILES)}. "
        "Pickled weights (pytorch_model.bin) are never read; save the model as safetensors"
    )


def _all_files(entry: Path) -> tuple[Path, ...]:
    if entry.suffix == ".json":
        shards = sorted(set(weight_map(entry).values()))
        return _existing(entry.parent / name for name in shards)
    if entry.suffix == ".xml":
        return _existing((entry, entry.with_suffix(".bin")))
    return (entry,)


def weight_map(file: Path) -> dict[str, str]:
    """Return which shard holds which tensor."""
    found = read_json(file).get("weight_map")
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found.values()):
        raise ModelFileError(f"{file} has no weight_map of tensors to file names")
    return found


def _existing(files: Any) -> tuple[Path, ...]:
    found = tuple(files)
    for file in found:
        if not file.exists():
            raise ModelFileError(f"{file} is missing: the model folder is not complete")
    return found


def read_json(file: Path) -> dict[str, Any]:
    """Read a JSON object; a missing or broken file is an error that names it."""
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelFileError(f"{file} is missing: a model folder needs it") from None
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{file} is not readable JSON: {error}") from None
    if not isinstance(value, dict):
        raise ModelFileError(f"{file} holds {type(value).__name__}, expected a JSON object")
    return value


def read_json_if_there(file: Path) -> dict[str, Any]:
    """Read a JSON object, or give an empty one if there is no such file."""
    return read_json(file) if file.exists() else {}
