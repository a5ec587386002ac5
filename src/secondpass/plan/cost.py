"""The cost of a rerank: a straight line in candidates, tokens, and tokens times length."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from secondpass.engine.contract import Policy
from secondpass.errors import MissingExtraError
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

    The last is attention, in which every token meets every other. `spread` is P95 over P50 of
    repeats of one setting, the median of all settings: the noise of the machine alone. The error
    of the fit is no part of it, nor is a slow moment that fell on a few settings.
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
    settings = _settings(points)
    measured = np.array([median(times) for times in settings.values()])
    features = np.array([_features(*setting) for setting in settings])
    # Scaled to like sizes first: tokens times length are millions, calls are one.
    scale = features.max(axis=0)
    coefficients, _ = nnls(features / scale / measured[:, None], np.ones(len(settings)))
    call, candidate, token, attention = map(float, coefficients / scale)
    return Cost(call, candidate, token, attention, _spread(settings.values()))


def _settings(points: Sequence[Point]) -> dict[tuple[int, int], list[float]]:
    """Return the times of each (candidates, length)."""
    settings: dict[tuple[int, int], list[float]] = {}
    for point in points:
        settings.setdefault((point.candidates, point.length), []).append(point.ms)
    return settings


def _spread(settings: Iterable[Sequence[float]]) -> float:
    return median(float(percentile(times, 95) / percentile(times, 50)) for times in settings)


def _features(candidates: int, length: int) -> NDArray[np.float64]:
    padded = _padded(length)
    return np.array([1, candidates, candidates * padded, candidates * padded**2], np.float64)


def _padded(length: int) -> int:
    """Return the length the engine computes."""
    multiple = Policy().length_multiple
    return -(-length // multiple) * multiple
