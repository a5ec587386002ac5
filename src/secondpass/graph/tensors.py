"""Reads named tensors out of safetensors files as float32."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondpass.errors import ModelFileError

# Early BERT checkpoints call a layer norm's weight and bias gamma and beta.
_OLD_SUFFIXES = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}


class Tensors:
    """The tensors of one model, by name. Made by `open_tensors`."""

    def __init__(self, handles: dict[str, Any], files: tuple[Path, ...]) -> None:
        self._handles = handles
        self._read: set[str] = set()
        self._where = ", ".join(map(str, files))

    def __contains__(self, name: str) -> bool:
        return self._stored_name(name) is not None

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        """Return a tensor as float32; a missing name is an error that says which."""
        stored = self._stored_name(name)
        if stored is None:
            raise ModelFileError(f"{self._where}: no tensor {name!r}, the model is not complete")
        self._read.add(stored)
        return np.ascontiguousarray(self._handles[stored].get_tensor(stored), dtype=np.float32)

    def names(self) -> tuple[str, ...]:
        """Return the names of all tensors, as they are stored."""
        return tuple(self._handles)

    def unread(self) -> tuple[str, ...]:
        """Return the names of the tensors that were never asked for, in order."""
        return tuple(name for name in self._handles if name not in self._read)

    def shape_of(self, *names: str) -> tuple[int, ...] | None:
        """Return the shape of the first tensor called one of `names`, or a dot and one of them."""
        for stored, handle in self._handles.items():
            if stored in names or stored.endswith(tuple(f".{name}" for name in names)):
                return tuple(handle.get_slice(stored).get_shape())
        return None

    def _stored_name(self, name: str) -> str | None:
        if name in self._handles:
            return name
        for suffix, old in _OLD_SUFFIXES.items():
            if name.endswith(suffix) and name.removesuffix(suffix) + old in self._handles:
                return name.removesuffix(suffix) + old
        return None


@contextmanager
def open_tensors(files: tuple[Path, ...]) -> Iterator[Tensors]:
    """Open safetensors files; a corrupt one is an error that names it."""
    import ml_dtypes  # noqa: F401 - makes numpy know bfloat16
    from safetensors import SafetensorError, safe_open

    with ExitStack() as stack:
        handles: dict[str, Any] = {}
        for file in files:
            try:
                handle = stack.enter_context(safe_open(file, framework="numpy"))
            except (SafetensorError, OSError) as error:
                raise ModelFileError(
                    f"{file} is not a safetensors file that can be read: {error}"
                ) from None
            handles.update(dict.fromkeys(handle.keys(), handle))
        yield Tensors(handles, files)
