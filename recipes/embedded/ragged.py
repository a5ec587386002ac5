"""Texts of different lengths in two arrays, and the files that hold such arrays."""

from __future__ import annotations

import lzma
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]


class Ragged:
    """Texts as token ids: text n is ids[starts[n] : starts[n] + lengths[n]]."""

    def __init__(self, ids: NDArray[Any], lengths: NDArray[Any]) -> None:
        self.ids = ids.astype(np.int32)
        self.lengths = lengths.astype(np.int64)
        self.starts = np.concatenate([[0], np.cumsum(self.lengths)[:-1]]).astype(np.int64)

    @classmethod
    def packed(cls, texts: Sequence[Sequence[int]]) -> Ragged:
        """Return the texts one after another; `unpacked` is the inverse."""
        ids = np.array([token for text in texts for token in text], np.int32)
        return cls(ids, np.array([len(text) for text in texts], np.int64))

    def unpacked(self) -> list[list[int]]:
        """Return each text's ids."""
        return [self[number].tolist() for number in range(len(self))]

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, number: int) -> NDArray[np.int32]:
        start = self.starts[number]
        return self.ids[start : start + self.lengths[number]]

    def chosen(self, numbers: Sequence[int] | NDArray[Any]) -> Ragged:
        """Return these texts, in this order."""
        texts = [self[number] for number in numbers]
        return Ragged(np.concatenate(texts), self.lengths[numbers])

    def to_arrays(self, ids: str, lengths: str) -> dict[str, NDArray[np.uint16]]:
        """Return the two arrays under these names, as files hold them."""
        return {ids: self.ids.astype(np.uint16), lengths: self.lengths.astype(np.uint16)}


def texts_to_arrays(name: str, texts: Sequence[Sequence[int]]) -> dict[str, NDArray[np.uint16]]:
    """Return texts as two arrays; `texts_from_arrays` is the inverse."""
    return Ragged.packed(texts).to_arrays(f"{name}.ids", f"{name}.lengths")


def texts_from_arrays(arrays: Arrays, name: str) -> Ragged:
    """Return the texts of this name."""
    return Ragged(arrays[f"{name}.ids"], arrays[f"{name}.lengths"])


def save_arrays(file: Path, arrays: Arrays) -> None:
    """Write an .npz.xz; `load_arrays` is the inverse."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with lzma.open(file, "wb", preset=4) as stream:
        np.savez(stream, **arrays)


def load_arrays(file: Path) -> dict[str, NDArray[Any]]:
    """Read an .npz.xz whole."""
    with lzma.open(file) as stream:
        return dict(np.load(stream).items())
