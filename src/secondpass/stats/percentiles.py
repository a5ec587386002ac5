"""P50, P95, P99 and mean of a sample, with bootstrap intervals, and when a sample supports them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from secondpass.errors import InputError, MissingExtraError
from secondpass.stats.summary import Estimate, Summary

Values = NDArray[np.float64]
Statistic = Callable[..., Any]

# Each percentile is a value that was really measured: the smallest that at least that many percent
# of the sample do not exceed.
METHOD: Final = "inverted_cdf"
CONFIDENCE = 0.95
RESAMPLES = 2000
# Resampled numbers in memory at a time.
_BATCH_NUMBERS = 4_000_000


def needed(percent: int) -> int:
    """Return the least sample size whose percentile is not just its maximum: 100 for P99."""
    return -(-100 // (100 - percent))


def unsupported(percent: int, count: int) -> str:
    """Say in words that a sample is too small for a percentile; empty where it is not."""
    if count >= needed(percent):
        return ""
    return f"P{percent} is not supported by {count} queries: at least {needed(percent)} are needed"


def percentile(values: Sequence[float] | Values, percent: float, axis: int = -1) -> Any:
    """Return the percentile by `METHOD`, along an axis."""
    return np.quantile(np.asarray(values, np.float64), percent / 100, axis=axis, method=METHOD)


def summarize(values: Sequence[float], *, seed: int) -> Summary:
    """Return the statistics of a sample; the resampling is drawn from `seed`.

    Raises:
        InputError: the sample is empty.
        MissingExtraError: scipy is not installed.
    """
    return _summary((_sample(values),), seed=seed)


def summarize_ratio(
    numerators: Sequence[float], denominators: Sequence[float], *, seed: int
) -> Summary:
    """Return the ratio of two paired samples at each statistic: P95 over P95 and so on.

    Pairs are resampled together, for one query's two times have its machine state in common.

    Raises:
        InputError: the samples are empty, or not of one size.
        MissingExtraError: scipy is not installed.
    """
    above, below = _sample(numerators), _sample(denominators)
    if len(above) != len(below):
        raise InputError(f"paired samples have {len(above)} and {len(below)} values")
    return _summary((above, below), seed=seed)


def _summary(samples: tuple[Values, ...], *, seed: int) -> Summary:
    count = len(samples[0])

    def at(percent: int) -> Estimate | None:
        if count < needed(percent):
            return None
        return _estimate(samples, lambda x, axis: percentile(x, percent, axis), seed)

    return Summary(count, _estimate(samples, np.mean, seed), at(50), at(95), at(99))


def _estimate(samples: tuple[Values, ...], statistic: Statistic, seed: int) -> Estimate:
    def compared(*drawn: Values, axis: int = -1) -> Any:
        each = [statistic(values, axis=axis) for values in drawn]
        return each[0] if len(each) == 1 else each[0] / each[1]

    value = float(compared(*samples))
    if len(samples[0]) < 2:
        return Estimate(value, None, None)
    return Estimate(value, *_interval(samples, compared, seed))


def _interval(samples: tuple[Values, ...], statistic: Statistic, seed: int) -> tuple[float, float]:
    """Return the bootstrap interval; the simple percentile one, for it never fails on ties."""
    try:
        from scipy.stats import bootstrap
    except ImportError as error:
        raise MissingExtraError("95 % intervals", "measure") from error
    interval = bootstrap(
        samples,
        statistic,
        paired=len(samples) > 1,
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=max(1, _BATCH_NUMBERS // len(samples[0])),
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(interval.low), float(interval.high)


def _sample(values: Sequence[float]) -> Values:
    sample = np.asarray(values, np.float64)
    if sample.ndim != 1 or not sample.size:
        raise InputError(f"a sample has the shape {list(sample.shape)}, expected at least 1 number")
    return sample
