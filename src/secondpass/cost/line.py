"""The cost of scoring: a straight line in candidates, tokens, and tokens times length."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

import numpy as np
from numpy.typing import NDArray

from secondpass.engine.contract import Policy
from secondpass.stats.percentiles import percentile


@dataclass(frozen=True, slots=True)
class Point:
    """One measured call; `length` is the tokens of each candidate with query and special tokens."""

    candidates: int
    length: float
    ms: float


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds: for a call, for each candidate, each token, and each token times the length.

    The last is attention, in which every token meets every other. `spread` is P95 over P50 of
    repeats of one setting, the median of all settings: the noise of the machine alone. The error
    of the fit is not part of it, nor is a slow moment that fell on a few settings.
    """

    call_ms: float
    candidate_ms: float
    token_ms: float
    attention_ms: float
    spread: float = 1.0

    def each_ms(self, length: float) -> float:
        """Return what one candidate of `length` tokens adds to a call."""
        return self.candidate_ms + length * (self.token_ms + self.attention_ms * length)

    def p50_ms(self, candidates: int, length: int) -> float:
        """Predict the median of a call, its candidates padded as the engine pads them."""
        return self.call_ms + candidates * self.each_ms(padded(length))

    def p95_ms(self, candidates: int, length: int) -> float:
        """Predict the P95."""
        return self.spread * self.p50_ms(candidates, length)

    def depth_within(self, p95_ms: float, length: int) -> int:
        """Return the most candidates whose predicted P95 is at most `p95_ms`; 0 for none."""
        left = p95_ms / self.spread - self.call_ms
        return max(0, math.floor(left / self.each_ms(padded(length))))


def padded(length: int) -> int:
    """Return the length that the engine computes."""
    multiple = Policy().length_multiple
    return -(-length // multiple) * multiple


def fit(points: Sequence[Point], *, each_candidate: bool = True) -> Cost:
    """Fit the cost to measurements of one engine; no coefficient is below zero.

    The relative error is least, so that a short call counts as much as a long one. Of equal
    settings the median is fitted, for a time can be disturbed upwards only. Without
    `each_candidate` the candidates themselves cost nothing: three settings are enough then.
    """
    settings = _settings(points)
    measured = np.array([median(times) for times in settings.values()])
    features = np.array([_features(*setting) for setting in settings])
    if not each_candidate:
        features[:, 1] = 0
    # Scaled to like sizes first: tokens times length are millions, calls are one.
    scale = np.maximum(features.max(axis=0), 1e-12)
    coefficients = _non_negative_least_squares(features / scale / measured[:, None])
    call, candidate, token, attention = map(float, coefficients / scale)
    return Cost(call, candidate, token, attention, _spread(settings.values()))


def _settings(points: Sequence[Point]) -> dict[tuple[int, float], list[float]]:
    """Return the times of each (candidates, length)."""
    settings: dict[tuple[int, float], list[float]] = {}
    for point in points:
        settings.setdefault((point.candidates, point.length), []).append(point.ms)
    return settings


def _spread(settings: Iterable[Sequence[float]]) -> float:
    return median(float(percentile(times, 95) / percentile(times, 50)) for times in settings)


def _features(candidates: int, length: float) -> NDArray[np.float64]:
    return np.array([1, candidates, candidates * length, candidates * length**2], np.float64)


def _non_negative_least_squares(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return x >= 0 with features x nearest to ones: the best of all sets of columns above zero."""

    def error(solution: NDArray[np.float64]) -> float:
        # Of solutions that differ by rounding alone the first: that of the fewest columns.
        return round(float(np.sum((features @ solution - 1) ** 2)), 12)

    return min(_solutions(features), key=error)


def _solutions(features: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """Yield the least squares of each set of columns, if none of it is below zero."""
    columns = features.shape[1]
    yield np.zeros(columns)
    for count in range(1, columns + 1):
        for chosen in combinations(range(columns), count):
            solution = np.zeros(columns)
            solution[list(chosen)] = np.linalg.lstsq(
                features[:, chosen], np.ones(len(features)), rcond=None
            )[0]
            if (solution >= 0).all():
                yield solution
