"""What the smaller weights of int8 lose, and how far the order is the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.quality.measured import Measured, Values
from benchmarks.quality.result import Gate, GateRow
from benchmarks.quality.statistics import mean_interval, mean_of_means
from benchmarks.quality.task import Scores
from secondpass.stats.rank_agreement import kendall_tau


def int8_gate(measured: Sequence[Measured], fp32: str, int8: str, *, seed: int) -> Gate:
    """Compare the two systems of these labels on all collections."""
    differences = [one.values[int8] - one.values[fp32] for one in measured]
    low, high = mean_interval(differences, seed=seed)
    rows = tuple(_row(one, fp32, int8) for one in measured)
    return Gate(fp32, int8, mean_of_means(differences), low, high, rows)


def tau(one: Values, other: Values, top: int | None = None) -> float | None:
    """Return Kendall's tau (b) of two lists of scores, over the `top` best of the first list.

    None where it is not defined: fewer than two candidates, or all scores equal.
    """
    kept = np.argsort(-one, kind="stable")[:top]
    return kendall_tau(one[kept], other[kept])


def mean_tau(one: Scores, other: Scores, top: int | None = None) -> float | None:
    """Return the mean over the queries that have it; None where none has."""
    found = [tau(one[query], other[query], top) for query in one if query in other]
    defined = [value for value in found if value is not None]
    return float(np.mean(defined)) if defined else None


def _row(measured: Measured, fp32: str, int8: str) -> GateRow:
    one, other = measured.scores[fp32], measured.scores[int8]
    return GateRow(
        name=measured.task.name,
        fp32=float(measured.values[fp32].mean()),
        int8=float(measured.values[int8].mean()),
        tau_top_10=mean_tau(one, other, 10),
        tau_all=mean_tau(one, other),
    )
