"""Fusion of the first stage with the cross-encoder: two opinions of each candidate as one number.

"rrf" adds reciprocal ranks: Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms
Condorcet and individual Rank Learning Methods", SIGIR 2009.

"weighted" adds z-scores: the convex combination with z-score normalization of Bruch, Gai and
Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", arXiv 2210.11934, 2022, written with
the cross-encoder's share as 1. It uses the raw logits: a sigmoid would squash the differences
among the best candidates, and those are the ones that matter.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondpass.options.fusion import Fusion, K

Numbers = NDArray[np.float64]


def fuse(
    fusion: Fusion,
    *,
    logits: NDArray[np.floating[Any]],
    scores: NDArray[np.floating[Any]],
    first_stage_scores: NDArray[np.floating[Any]] | None,
) -> Numbers | None:
    """Return one fused score a candidate, float64 [n] in the candidates' order; None for "none".

    Args:
        fusion: the rule and its weight.
        logits: the model's output before its activation.
        scores: after it; "rrf" takes the order from them, as a ranking without fusion does.
        first_stage_scores: the first stage's; only "weighted" uses them.
    """
    if fusion.rule == "rrf":
        first = np.arange(1, len(scores) + 1)
        return reciprocal_rank(first) + reciprocal_rank(ranks(scores))
    if fusion.rule == "weighted":
        if not fusion.weight:
            # Nothing to fuse. The logits would part what the activation rounds to one score, and
            # so give another order than without fusion.
            return np.asarray(scores, np.float64)
        assert first_stage_scores is not None
        return z_scores(logits) + fusion.weight * z_scores(first_stage_scores)
    return None


def reciprocal_rank(rank: NDArray[np.intp]) -> Numbers:
    """Return what a rank counts in reciprocal rank fusion; a candidate's are added."""
    return 1 / (K + rank)


def best_first(values: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
    """Return the positions of the values, highest first; equal values keep their order."""
    return np.argsort(-values, kind="stable")


def ranks(values: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
    """Return each value's place among all, from 1; of equal values the first is first."""
    placed = np.empty(len(values), np.intp)
    placed[best_first(values)] = np.arange(1, len(values) + 1)
    return placed


def z_scores(values: NDArray[np.floating[Any]]) -> Numbers:
    """Return how many standard deviations (of all n) each value is above the mean; all 0 if equal.

    >>> z_scores(np.array([1.0, 3.0, 5.0, 7.0])) * 5**0.5
    array([-3., -1.,  1.,  3.])
    """
    wide = np.asarray(values, np.float64)
    if not len(wide) or wide.min() == wide.max():
        # Asked of the values: rounding can make the standard deviation of equal ones not 0.
        return np.zeros(len(wide))
    # Scaled first, so that no sum or square of finite numbers overflows or vanishes.
    scaled = wide / np.abs(wide).max()
    centered = scaled - scaled.mean()
    spread = np.sqrt(np.mean((centered / np.abs(centered).max()) ** 2))
    return np.asarray(centered / np.abs(centered).max() / spread, np.float64)
