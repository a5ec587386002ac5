"""How alike two models rank the same texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from secondpass.compiling.result import Agreement
from secondpass.evaluation.rerank import TextScorer
from secondpass.stats.rank_agreement import kendall_tau

TOP = 10

Logits = NDArray[np.float32]


class _OfOneQuery(NamedTuple):
    tau: float
    top_tau: float
    top_shared: float
    difference: float


def measure_agreement(
    exact: TextScorer,
    other: TextScorer,
    queries: Sequence[str],
    texts: Sequence[str],
    advance: Callable[[int], None],
) -> Agreement:
    """Rank all texts for each query with both, and compare. `advance` is called for each query.

    Raises:
        MissingExtraError: scipy is not installed.
    """
    rows = []
    for query in queries:
        rows.append(_compare(_logits(exact, query, texts), _logits(other, query, texts)))
        advance(1)
    tau, top_tau, shared, difference = (np.array(column) for column in zip(*rows, strict=True))
    return Agreement(
        queries=len(queries),
        texts=len(texts),
        tau=float(tau.mean()),
        lowest_tau=float(tau.min()),
        top10_tau=float(top_tau.mean()),
        lowest_top10_tau=float(top_tau.min()),
        top10_shared=float(shared.mean()),
        largest_difference=float(difference.max()),
    )


def order_agreement(one: Logits, other: Logits) -> float:
    """Return Kendall's tau; 0 where a side does not order at all, which no gate may let through."""
    return kendall_tau(one, other) or 0.0


def _compare(exact: Logits, other: Logits) -> _OfOneQuery:
    best = _best(exact)
    return _OfOneQuery(
        tau=order_agreement(exact, other),
        top_tau=order_agreement(exact[best], other[best]),
        top_shared=len(np.intersect1d(best, _best(other))) / len(best),
        difference=float(np.abs(exact - other).max()),
    )


def _best(logits: Logits) -> NDArray[np.intp]:
    return np.argsort(-logits, kind="stable")[:TOP]


def _logits(ranker: TextScorer, query: str, texts: Sequence[str]) -> Logits:
    return ranker.score(query, list(texts)).logits
