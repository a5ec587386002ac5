"""Reads named tensors out of safetensors files as float32."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondpass.checks import shortened
from secondpass.errors import ModelFileError, UnsupportedModelError
from secondpass.models.files import WeightFiles, require_file, weight_map

# Early BERT checkpoints call a layer norm's weight and bias gamma and beta.
_OLD_SUFFIXES = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}


# How safetensors calls what a weight may be stored as. A quantized model has whole numbers, whose
# scales stand elsewhere.
_TYPES = ("F64", "F32", "F16", "BF16")


class Tensors:
    """The tensors of one model, by name. Made by `open_tensors`."""

    def __init__(self, handles: dict[str, tuple[Any, Path]], files: tuple[Path, ...]) -> None:
        self._handles = handles
        self._read: set[str] = set()
        self._where = ", ".join(map(str, files))

    def __contains__(self, name: str) -> bool:
        return self._stored_name(name) is not None

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        """Return a tensor as float32.

        Raises:
            ModelFileError: there is none of this name, or it is empty.
            UnsupportedModelError: its numbers are of a type that no weight has.
        """
        stored, handle, file = self._find(name)
        described = _slice(stored, handle, file)
        if 0 in described.get_shape():
            raise ModelFileError(f"{file}: tensor {stored!r} has shape {described.get_shape()}")
        self._read.add(stored)
        return np.ascontiguousarray(handle.get_tensor(stored), dtype=np.float32)

    def shaped(self, name: str, *shape: int | None) -> NDArray[np.float32]:
        """Return a tensor as float32 that has this shape; None stands for any size.

        Raises:
            ModelFileError: as for `[name]`, or it has another shape.
        """
        stored, handle, file = self._find(name)
        found = handle.get_slice(stored).get_shape()
        if len(found) != len(shape) or any(
            wanted not in (size, None) for size, wanted in zip(found, shape, strict=True)
        ):
            wanted = ", ".join("any" if size is None else str(size) for size in shape)
            raise ModelFileError(
                f"{file}: tensor {stored!r} has shape {shortened(found)}, expected [{wanted}]: "
                "config.json does not fit the weights"
            )
        return self[name]

    def row(self, name: str, number: int, width: int) -> NDArray[np.float32]:
        """Return one row of a table [rows, width] as float32, without reading the others.

        Raises:
            ModelFileError: there is no such table, or it has no such row.
            UnsupportedModelError: as for `[name]`.
        """
        stored, handle, file = self._find(name)
        described = _slice(stored, handle, file)
        shape = described.get_shape()
        if len(shape) != 2 or shape[1] != width or number >= shape[0]:
            raise ModelFileError(
                f"{file}: tensor {stored!r} has shape {shortened(shape)} and no row {number} of "
                f"width {width}"
            )
        self._read.add(stored)
        return np.asarray(described[number : number + 1], np.float32).reshape(width)

    def names(self) -> tuple[str, ...]:
        """Return the names of all tensors, as they are stored."""
        return tuple(self._handles)

    def file_of(self, name: str) -> Path | None:
        """Return the file that holds the tensor stored by this name."""
        return self._handles[name][1] if name in self._handles else None

    def unread(self) -> tuple[str, ...]:
        """Return the names of the tensors that were never asked for, in order."""
        return tuple(name for name in self._handles if name not in self._read)

    def shape_of(self, *names: str) -> tuple[int, ...] | None:
        """Return the shape of the first tensor called one of `names`, or a dot and one of them."""
        for stored, (handle, _) in self._handles.items():
            if stored in names or stored.endswith(tuple(f".{name}" for name in names)):
                return tuple(handle.get_slice(stored).get_shape())
        return None

    def _find(self, name: str) -> tuple[str, Any, Path]:
        """Return a tensor's stored name, its handle and its file."""
        stored = self._stored_name(name)
        if stored is None:
            raise ModelFileError(f"{self._where}: no tensor {name!r}, the model is not complete")
        return (stored, *self._handles[stored])

    def _stored_name(self, name: str) -> str | None:
        if name in self._handles:
            return name
        for suffix, old in _OLD_SUFFIXES.items():
            if name.endswith(suffix) and name.removesuffix(suffix) + old in self._handles:
                return name.removesuffix(suffix) + old
        return None


def _slice(stored: str, handle: Any, file: Path) -> Any:
    """Return a tensor that is not read yet; raise unless its numbers are of a weight's type."""
    described = handle.get_slice(stored)
    if described.get_dtype() not in _TYPES:
        raise UnsupportedModelError(
            f"{file}: tensor {stored!r} is of type {described.get_dtype()}, expected one of "
            f"{', '.join(_TYPES)}; save the model in one of them"
        )
    return described


@contextmanager
def open_tensors(files: tuple[Path, ...]) -> Iterator[Tensors]:
    """Open safetensors files.

    Raises:
        ModelFileError: one is corrupt, or holds a tensor that another holds too.
    """
    import ml_dtypes  # noqa: F401 - makes numpy know bfloat16
    from safetensors import SafetensorError, safe_open

    with ExitStack() as stack:
        handles: dict[str, tuple[Any, Path]] = {}
        for file in files:
            require_file(file)
            try:
                handle = stack.enter_context(safe_open(file, framework="numpy"))
            except (SafetensorError, OSError) as error:
                raise ModelFileError(
                    f"{file} is not a safetensors file that can be read: {error}"
                ) from None
            for name in handle.keys():  # noqa: SIM118 - a handle is not a mapping
                if name in handles:
                    raise ModelFileError(
                        f"{file} holds tensor {shortened(name)}, which {handles[name][1]} holds too"
                    )
                handles[name] = (handle, file)
        yield Tensors(handles, files)


@contextmanager
def open_weights(weights: WeightFiles) -> Iterator[Tensors]:
    """Open the safetensors of a model; each tensor lies in the shard that the index names.

    Raises:
        ModelFileError: as for `open_tensors`, or a tensor lies in another file, or in none.
    """
    with open_tensors(weights.files) as tensors:
        if weights.entry.suffix == ".json":
            for name, shard in weight_map(weights.entry).items():
                if tensors.file_of(name) != weights.entry.parent / shard:
                    raise ModelFileError(
                        f"{weights.entry} says that {shard} holds tensor {shortened(name)}, which "
                        "it does not"
                    )
        yield tensors
