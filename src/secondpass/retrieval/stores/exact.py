"""Exact search of vectors in memory: which are nearest, and how near."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondpass.retrieval.stores.contract import Vectors

Places = NDArray[np.intp]

# float32 sums of a thousand products differ by less, in whichever order they are added.
_SUM_ERROR = 1e-5
# So many rows are widened to float64 at a time.
_BLOCK = 4096


class ExactSearch:
    """Vectors that are all compared, float32 [n, dimension]; none of them is changed or copied."""

    def __init__(self, vectors: Vectors) -> None:
        self.vectors = vectors
        lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
        self._inverse_lengths = np.float32(1) / lengths

    def nearest(
        self, vector: Vectors, limit: int, among: Places | None = None
    ) -> tuple[Places, list[float]]:
        """Return places and cosines of the `limit` nearest rows, and of all equal to the last.

        They are in no order, and a few more may be among them.

        Args:
            vector: float32 [dimension], not zero.
            limit: at least 1.
            among: the only places to look at; None for all.
        """
        places = np.arange(len(self.vectors)) if among is None else among
        if limit < len(places):
            similarities = self._roughly(vector, among)
            least = np.partition(similarities, -limit)[-limit]
            places = places[similarities >= least - _SUM_ERROR]
        return places, cosines(self.vectors[places], vector)

    def _roughly(self, vector: Vectors, among: Places | None) -> Vectors:
        """Return the cosines, float32 [n], each off by the order in which it was added."""
        unit = vector / np.linalg.norm(vector)
        every = among is None
        vectors = self.vectors if every else self.vectors[among]
        lengths = self._inverse_lengths if every else self._inverse_lengths[among]
        # Not `@`: on memory-bound work BLAS's threads gain little, and wait for each other where
        # other work has the cores.
        rough: Vectors = np.einsum("ij,j->i", vectors, unit) * lengths
        return rough


def cosines(vectors: NDArray[Any], vector: Vectors) -> list[float]:
    """Return the cosine of each row and a vector, added in float64 and for each row alike.

    So equal rows have equal cosines, wherever they lie.
    """
    wide = vector.astype(np.float64)
    length = np.sqrt((wide * wide).sum())
    result: list[float] = []
    for start in range(0, len(vectors), _BLOCK):
        rows = vectors[start : start + _BLOCK].astype(np.float64)
        lengths = np.sqrt((rows * rows).sum(axis=1))
        result += ((rows * wide).sum(axis=1) / (lengths * length)).tolist()
    return result
