"""Does a change help? The same queries measured twice, compared in pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondpass.errors import InputError, MissingExtraError

RESAMPLES = 9999
CONFIDENCE = 0.95

# Two sums of the same values in another order may differ by this much; no measure is so fine.
_EQUAL = 1e-9
# Resamples computed at a time, so that memory does not grow with their number.
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """The mean of after minus before, and how sure it is.

    `low` and `high` bound the mean by a 95 % bootstrap interval (BCa), None for a single pair.
    `p_value` is that of a two-sided randomization test: how often a difference so large comes about
    where the labels before and after are swapped at random within each pair.
    """

    mean: float
    low: float | None
    high: float | None
    p_value: float
    higher: int
    lower: int
    equal: int


def paired_difference(
    before: Sequence[float] | NDArray[np.float64],
    after: Sequence[float] | NDArray[np.float64],
    *,
    seed: int,
    resamples: int = RESAMPLES,
) -> PairedDifference:
    """Compare two lists of values of the same queries, in the same order.

    Raises:
        InputError: the lists are empty or of different lengths.
        MissingExtraError: scipy is not installed.
    """
    first, second = np.asarray(before, np.float64), np.asarray(after, np.float64)
    if first.shape != second.shape or first.ndim != 1 or not first.size:
        raise InputError(
            f"{first.size} values before and {second.size} after cannot be compared in pairs"
        )
    difference = second - first
    difference[np.abs(difference) < _EQUAL] = 0.0
    low, high = _interval(difference, seed, resamples)
    return PairedDifference(
        mean=float(difference.mean()),
        low=low,
        high=high,
        p_value=_randomization_p(difference, seed, resamples),
        higher=int((difference > 0).sum()),
        lower=int((difference < 0).sum()),
        equal=int((difference == 0).sum()),
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for several comparisons by Holm's method (1979), in input order.

    scipy has none. The smallest of m is taken times m, the next times m - 1, and so on; none may
    come out smaller than the one before it, nor larger than 1.
    """
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for rank, at in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[at]))
        corrected[at] = largest
    return corrected


def _interval(
    difference: NDArray[np.float64], seed: int, resamples: int
) -> tuple[float | None, float | None]:
    if difference.size < 2:
        return None, None
    if np.ptp(difference) == 0:  # every resample has the same mean; BCa is not defined there
        return float(difference[0]), float(difference[0])
    interval = (
        _scipy_stats()
        .bootstrap(
            (difference,),
            np.mean,
            confidence_level=CONFIDENCE,
            n_resamples=resamples,
            batch=_BATCH,
            method="BCa",
            rng=np.random.default_rng(seed),
        )
        .confidence_interval
    )
    return float(interval.low), float(interval.high)


def _randomization_p(difference: NDArray[np.float64], seed: int, resamples: int) -> float:
    """Swap each pair's labels at random; all ways are tried where there are few."""
    if difference.size < 2:  # both ways to label one pair are as far from zero
        return 1.0
    found = _scipy_stats().permutation_test(
        (difference, np.zeros_like(difference)),
        lambda one, other, axis: np.mean(one - other, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=resamples,
        batch=_BATCH,
        rng=np.random.default_rng(seed),
    )
    return float(found.pvalue)


def _scipy_stats() -> Any:
    try:
        from scipy import stats
    except ImportError as error:
        raise MissingExtraError("comparing measurements", "measure") from error
    return stats
