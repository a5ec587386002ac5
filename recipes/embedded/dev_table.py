"""The development collections' candidates and scores, and the file they are in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recipes.embedded.ndcg import ndcg
from recipes.embedded.ragged import Arrays, Ragged
from recipes.embedded.settings import TEACHERS

POOLS = ("bm25", "bge", "minilm")
DENSE_POOLS = POOLS[1:]


@dataclass(frozen=True, slots=True)
class DevTable:
    """One collection: [queries, n] candidates (-1 fills), which of them each first stage found.

    `scores` are the teachers', [queries, n, 4], `gains` the judgements, `ideal` [queries] their
    ideal discounted gain.
    """

    name: str
    queries: Ragged
    candidates: NDArray[np.int32]
    gains: NDArray[np.float32]
    ideal: NDArray[np.float32]
    in_pool: dict[str, NDArray[np.bool_]]
    scores: NDArray[np.floating]

    @property
    def real(self) -> NDArray[np.bool_]:
        """Return where there is a candidate."""
        return self.candidates >= 0

    @property
    def pools(self) -> list[str]:
        """Return the first stages that found something."""
        return [pool for pool in POOLS if self.in_pool[pool].any()]

    def ndcg(self, scores: NDArray[np.floating], pool: str) -> float:
        """Return the mean nDCG@10 of an order of one first stage's candidates."""
        return float(ndcg(scores, self.gains, self.ideal, self.in_pool[pool] & self.real).mean())

    def fused(self, scores: NDArray[np.floating], pool: str) -> NDArray[np.float64]:
        """Return the scores with a dense first stage's own, as a search with both fuses them."""
        allowed = self.in_pool[pool] & self.real
        own = self.scores[..., TEACHERS.index(pool)]
        return np.asarray(sum(standardized(values, allowed) for values in (scores, own)))

    def first(self, queries: int) -> DevTable:
        """Return the table of the first queries."""
        return DevTable(
            self.name,
            self.queries.chosen(np.arange(min(queries, len(self.queries)))),
            self.candidates[:queries],
            self.gains[:queries],
            self.ideal[:queries],
            {pool: found[:queries] for pool, found in self.in_pool.items()},
            self.scores[:queries],
        )

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the table as arrays under its name; `tables_from_arrays` is the inverse."""
        arrays: dict[str, NDArray[Any]] = {
            "candidates": self.candidates,
            "gains": self.gains,
            "ideal": self.ideal,
            "scores": self.scores.astype(np.float16),
            **{f"in.{pool}": found for pool, found in self.in_pool.items()},
            **self.queries.to_arrays("query_ids", "query_lengths"),
        }
        return {f"{self.name}.{field}": array for field, array in arrays.items()}


def tables_from_arrays(arrays: Arrays, names: Sequence[str] | None = None) -> list[DevTable]:
    """Return the tables of a file, or those of these names, in the order given."""
    there = [key.removesuffix(".candidates") for key in arrays if key.endswith(".candidates")]
    return [
        DevTable(
            name,
            Ragged(arrays[f"{name}.query_ids"], arrays[f"{name}.query_lengths"]),
            arrays[f"{name}.candidates"],
            arrays[f"{name}.gains"],
            arrays[f"{name}.ideal"],
            {pool: arrays[f"{name}.in.{pool}"] for pool in POOLS},
            arrays[f"{name}.scores"],
        )
        for name in (there if names is None else names)
        if name in there
    ]


def standardized(values: NDArray[np.floating], allowed: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return each row of values with mean 0 and deviation 1 over what is allowed; the rest -9."""
    masked = np.where(allowed, values.astype(np.float64), np.nan)
    mean, deviation = np.nanmean(masked, 1, keepdims=True), np.nanstd(masked, 1, keepdims=True)
    return np.where(allowed, (masked - mean) / np.maximum(deviation, 1e-6), -9)
