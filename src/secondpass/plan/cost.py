"""The cost of a rerank: a straight line in candidates, tokens, and tokens times length."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median

import numpy as np
from numpy.typing import NDArray

from secondpass.errors import MissingExtraError
from secondpass.scoring.batches import LENGTH_MULTIPLE
from secondpass.stats.percentiles import percentile


@dataclass(frozen=True, slots=True)
class Point:
    """One measured rerank; `length` is each candidate's tokens with query and special tokens."""

    candidates: int
    length: int
    ms: float


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds: for a call, for each candidate, each token, and each token times the length.

    The last is attention, in which every token meets every other. `spread` is the P95 of measured
    over fitted, so it holds the noise of the machine and the error of the fit.
    """

    call_ms: float
    candidate_ms: float
    token_ms: float
    attention_ms: float
    spread: float

    def p50_ms(self, candidates: int, length: int) -> float:
        """Predict the median of reranking so many candidates of so many tokens."""
        return self.call_ms + candidates * self._each_ms(length)

    def p95_ms(self, candidates: int, length: int) -> float:
        """Predict the P95."""
        return self.spread * self.p50_ms(candidates, length)

    def depth_within(self, p95_ms: float, length: int) -> int:
        """Return the most candidates whose predicted P95 is at most `p95_ms`; 0 for none."""
        left = p95_ms / self.spread - self.call_ms
        return max(0, math.floor(left / self._each_ms(length)))

    def _each_ms(self, length: int) -> float:
        padded = _padded(length)
        return self.candidate_ms + self.token_ms * padded + self.attention_ms * padded**2


def fit(points: Sequence[Point]) -> Cost:
    """Fit the cost to measurements of one engine; no coefficient is below zero.

    The relative error is least, so that a short call counts as much as a long one. Of equal
    settings the median is fitted, for a time can be disturbed upwards only.

    Raises:
        MissingExtraError: scipy is not installed.
    """
    try:
        from scipy.optimize import nnls
    except ImportError as error:
        raise MissingExtraError("secondpass plan", "measure") from error
    settings = _medians(points)
    measured = np.array([point.ms for point in settings])
    features = np.array([_features(point.candidates, point.length) for point in settings])
    # Scaled to like sizes first: tokens times length are millions, calls are one.
    scale = features.max(axis=0)
    coefficients, _ = nnls(features / scale / measured[:, None], np.ones(len(settings)))
    coefficients = coefficients / scale
    fitted = np.array([_features(one.candidates, one.length) for one in points]) @ coefficients
    ratios = np.array([one.ms for one in points]) / fitted
    call, candidate, token, attention = map(float, coefficients)
    return Cost(call, candidate, token, attention, spread=float(percentile(ratios, 95)))


def _medians(points: Sequence[Point]) -> list[Point]:
    def setting(point: Point) -> tuple[int, int]:
        return point.candidates, point.length

    grouped = groupby(sorted(points, key=setting), key=setting)
    return [Point(*key, median(point.ms for point in group)) for key, group in grouped]


def _features(candidates: int, length: int) -> NDArray[np.float64]:
    padded = _padded(length)
    return np.array([1, candidates, candidates * padded, candidates * padded**2], np.float64)


def _padded(length: int) -> int:
    """Return the length the engine computes."""
    return -(-length // LENGTH_MULTIPLE) * LENGTH_MULTIPLE
