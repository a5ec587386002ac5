"""Vectors in place of documents: independent of each other, or as alike as embeddings are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from secondpass.retrieval.stores.contract import Rows, Vectors

Kind = Literal["random", "alike"]
KINDS: tuple[Kind, ...] = ("random", "alike")
DIMENSION = 384
# Embeddings of texts vary along some dozens of directions, and a little along all.
_DIRECTIONS = 48
# A commit looks at every id that is there.
_BLOCK = 100_000
TEXT = "Return the rows of a file whose first line names the columns, as one dictionary each. " * 4


class Drawn:
    """Draws unit vectors of a kind; the same seed gives the same."""

    def __init__(self, kind: Kind, seed: int = 0) -> None:
        self._kind = kind
        self._random = np.random.default_rng(seed)
        maps = np.random.default_rng(1)
        shape = (_DIRECTIONS, DIMENSION)
        self._coarse, self._fine = (maps.standard_normal(shape, np.float32) for _ in range(2))

    def take(self, count: int) -> Vectors:
        """Return float32 [count, 384]."""
        drawn = self._random.standard_normal((count, DIMENSION), np.float32)
        if self._kind == "alike":
            places = self._random.standard_normal((count, _DIRECTIONS), np.float32)
            places *= np.linspace(1.5, 0.3, _DIRECTIONS, dtype=np.float32)
            drawn *= np.float32(0.15)
            drawn += np.tanh(places @ self._coarse / 6) + 0.5 * np.tanh(places @ self._fine / 4)
        unit: Vectors = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
        return unit


def rows(drawn: Drawn, count: int) -> Iterator[Rows]:
    """Yield rows with such vectors, in blocks."""
    for start in range(0, count, _BLOCK):
        size = min(_BLOCK, count - start)
        yield Rows(
            id=[f"{at:07}" for at in range(start, start + size)],
            text=[TEXT] * size,
            metadata=["{}"] * size,
            digest=["0" * 32] * size,
            source=[None] * size,
            vectors=drawn.take(size),
        )
