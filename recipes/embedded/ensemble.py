"""The teachers together: each one's spread, and the weights that serve the collections best."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from recipes.embedded.dev_table import DevTable
from recipes.embedded.settings import TEACHERS

STEPS = (0.0, 0.25, 0.5, 1.0, 1.5)
# The mean of so many of the best weights is kept: less chance.
KEPT = 10
_SHOWN = 4

Numbers = NDArray[np.float64]


def spreads(tables: Sequence[DevTable]) -> Numbers:
    """Return each teacher's mean standard deviation within a query's candidates."""
    means = [
        np.mean([row[real].std(0) for row, real in zip(table.scores, table.real, strict=True)], 0)
        for table in tables
    ]
    return np.asarray(np.mean(means, 0))


def choose_weights(
    tables: Sequence[DevTable],
    spread: Numbers,
    kinds: Mapping[str, Sequence[str]],
    report: Callable[[str], None],
) -> dict[str, Numbers]:
    """Return the weights with the best mean nDCG@10 over the collections of each kind.

    A kind of which no collection is here has none.
    """
    chosen = {}
    for kind, names in kinds.items():
        judging = [table for table in tables if table.name in names]
        if judging:
            ranked = sorted(_tried(judging, spread), reverse=True)
            for value, weights in ranked[:_SHOWN]:
                named = dict(zip(TEACHERS, weights, strict=True))
                report(f"weights {kind} {named}: {value:.4f}")
            chosen[kind] = np.mean([weights for _, weights in ranked[:KEPT]], 0)
            report(f"weights {kind} kept {np.round(chosen[kind], 2).tolist()}")
    return chosen


def _tried(
    tables: Sequence[DevTable], spread: Numbers
) -> Iterator[tuple[float, tuple[float, ...]]]:
    """Yield the mean nDCG@10 of every combination of weights; of multiples, one is enough."""
    for weights in itertools.product(STEPS, repeat=len(TEACHERS)):
        if max(weights) >= 1:
            values = [_mean_ndcg(table, spread, weights) for table in tables]
            yield float(np.mean(values)), weights


def _mean_ndcg(table: DevTable, spread: Numbers, weights: Sequence[float]) -> float:
    mixed = (table.scores / spread * np.array(weights)).sum(-1)
    return float(np.mean([table.ndcg(mixed, pool) for pool in table.pools]))
