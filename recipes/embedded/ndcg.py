"""nDCG@10 of many queries at once: linear gain, as trec_eval's and ir_measures'."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

CUT = 10


def ndcg(
    scores: NDArray[np.floating],
    gains: NDArray[np.floating],
    ideal: NDArray[np.floating],
    allowed: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Return nDCG@10 [queries] of candidates [queries, n]; equal scores stay in their order.

    `ideal` is `ideal_gain` of each query's judgements, and only `allowed` candidates count.
    """
    order = np.argsort(np.where(allowed, -scores, np.inf), 1, kind="stable")[:, :CUT]
    found = np.take_along_axis(np.where(allowed, gains, 0), order, 1)
    discounts = np.log2(np.arange(2, 2 + found.shape[1]))
    return np.asarray((found / discounts).sum(1) / np.maximum(ideal, 1e-9), np.float64)


def ideal_gain(grades: Iterable[float]) -> float:
    """Return the discounted gain of all judged documents of a query, best first."""
    best = sorted((max(grade, 0) for grade in grades), reverse=True)[:CUT]
    return float(sum(grade / np.log2(2 + place) for place, grade in enumerate(best)))
