"""Means over collections that each count the same, and their intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

Values = NDArray[np.float64]

RESAMPLES = 9999


def mean_of_means(samples: Sequence[Values]) -> float:
    """Return the mean of the samples' means: a small collection counts as much as a large one."""
    return float(np.mean([sample.mean() for sample in samples]))


def mean_interval(samples: Sequence[Values], *, seed: int) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of `mean_of_means`.

    Queries are drawn within each collection; the collections are taken as they are, so the interval
    says nothing of other collections. For a difference, give each query's difference: that pairs.
    """
    chance = np.random.default_rng(seed)
    drawn = np.mean([_resampled_means(sample, chance) for sample in samples], axis=0)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(low), float(high)


def _resampled_means(sample: Values, chance: np.random.Generator) -> Values:
    if sample.size < 2:
        return np.full(RESAMPLES, sample.mean())
    found = bootstrap(
        (sample,), np.mean, n_resamples=RESAMPLES, batch=1000, method="percentile", rng=chance
    )
    drawn: Values = found.bootstrap_distribution
    return drawn
