"""Which files of a folder make the model, what a file may be, and reading its JSON."""

from __future__ import annotations

import codecs
import json
import stat
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any, Literal

from secondpass.checks import shortened
from secondpass.errors import ModelFileError
from secondpass.regular_files import kind_of

Format = Literal["safetensors", "openvino", "onnx"]

# More than any model's config or shard index.
MOST_JSON_BYTES = 16 * 1024**2

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
    """Find the weights of a model folder; a safetensors file wins over IR, IR over ONNX.

    Raises:
        ModelFileError: there are none, or a file of them is missing or no file that can be read.
    """
    for format_name, relative in _WEIGHT_FILES:
        entry = folder / relative
        if entry.exists() and not entry.is_dir():
            files = _all_files(entry)
            for file in files:
                require_file(file)
            return WeightFiles(format_name, entry, files)
    other = sorted(file.name for file in folder.glob("*.gguf"))
    if other:
        raise ModelFileError(
            f"{folder} holds {', '.join(other[:3])}: GGUF is not read; take the model it was made "
            "from, as safetensors"
        )
    raise ModelFileError(
        f"{folder} holds no weights: looked for {', '.join(name for _, name in _WEIGHT_FILES)}. "
        "Pickled weights (pytorch_model.bin) are never read; save the model as safetensors"
    )


def _all_files(entry: Path) -> tuple[Path, ...]:
    if entry.suffix == ".json":
        return tuple(entry.parent / name for name in sorted(set(weight_map(entry).values())))
    if entry.suffix == ".xml":
        return (entry, entry.with_suffix(".bin"))
    return (entry,)


def weight_map(file: Path) -> dict[str, str]:
    """Return which shard holds which tensor; a shard is a file beside the index."""
    found = read_json(file).get("weight_map")
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found.values()):
        raise ModelFileError(f"{file} has no weight_map of tensors to file names")
    for shard in set(found.values()):
        require_within(shard, file)
        if not shard.endswith(".safetensors"):
            raise ModelFileError(f"{file} names {shortened(shard)}, expected safetensors files")
    return found


def require_within(name: str, file: Path) -> None:
    """Raise unless a path that a file names stays within the folder of that file."""
    parts = PureWindowsPath(name).parts  # knows both separators, and drives
    if not name or "\0" in name or PureWindowsPath(name).anchor or ".." in parts:
        raise ModelFileError(f"{file} names {shortened(name)}, which is not within its folder")


def read_json(file: Path) -> dict[str, Any]:
    """Read a JSON object; a missing or broken file is an error that names it."""
    value = read_any_json(file)
    if not isinstance(value, dict):
        raise ModelFileError(f"{file} holds {type(value).__name__}, expected a JSON object")
    return value


def read_json_if_there(file: Path) -> dict[str, Any]:
    """Read a JSON object, or give an empty one if there is no such file."""
    return read_json(file) if file.exists() else {}


def read_any_json(file: Path) -> Any:
    """Read a JSON file, with or without a byte order mark; each key of an object is there once.

    Raises:
        ModelFileError: it is missing, too large, not UTF-8 or not JSON.
    """
    require_file(file, most_bytes=MOST_JSON_BYTES)
    try:
        content = file.read_bytes().removeprefix(codecs.BOM_UTF8)
        if b"\0" in content[:4]:
            raise ModelFileError(f"{file} is UTF-16 or UTF-32, expected UTF-8")
        return json.loads(content.decode(), object_pairs_hook=_once)
    except RecursionError:
        raise ModelFileError(f"{file} is not readable JSON: it is nested too deep") from None
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{file} is not readable JSON: {error}") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its members; readers differ on which value of a repeated key counts."""
    members = dict(pairs)
    if len(members) < len(pairs):
        for key, value in pairs:
            if members[key] != value:
                raise ValueError(f"{shortened(key)} is there twice, with different values")
    return members


def require_file(file: Path, *, most_bytes: int | None = None) -> None:
    """Raise unless a file is a regular one, or a link to one, that holds what its name says.

    It is looked at and not read: opening a pipe or a device may wait for ever. The first bytes tell
    a Git LFS pointer and a web page.

    Raises:
        ModelFileError: it is missing, empty, too large, or another thing than a file.
    """
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ModelFileError(f"{file} is a {kind_of(status.st_mode)}, expected a file")
        with file.open("rb") as stream:
            beginning = stream.read(64)
    except (FileNotFoundError, NotADirectoryError):
        raise ModelFileError(f"{file} is missing: a model folder needs it") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ModelFileError(f"{shortened(str(file), 200)} cannot be read: {reason}") from None
    if not beginning:
        raise ModelFileError(f"{file} is empty: the download or the copy was cut short")
    if beginning.startswith(b"version https://git-lfs.github.com/"):
        raise ModelFileError(f"{file} is a Git LFS pointer, not the file itself: run git lfs pull")
    if beginning.lstrip().lower().startswith((b"<!doctype html", b"<html")):
        raise ModelFileError(f"{file} is a web page, not the file itself: download it again")
    if most_bytes is not None and status.st_size > most_bytes:
        raise ModelFileError(
            f"{file} has {status.st_size:,} bytes, expected at most {most_bytes:,}"
        )
