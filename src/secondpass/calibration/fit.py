"""Fits both maps to judged logits, and takes the one that cross-validation finds better."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondpass.calibration.judged import Judged, require_enough
from secondpass.calibration.platt import (
    Numbers,
    expected_calibration_error,
    fit_platt,
)
from secondpass.errors import MissingExtraError
from secondpass.scoring.calibration_map import METHODS, CalibrationMap, Method

FOLDS = 5
RESAMPLES = 999
CONFIDENCE = 0.95

# A probability that is wrong for sure would cost without end.
_SURE = 1e-6


@dataclass(frozen=True, slots=True)
class CalibrationError:
    """Expected calibration error in ten bins of equal mass; its 95 % bootstrap interval.

    Queries are resampled, for the candidates of one are no independent sample.
    """

    error: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Validated:
    """How a method did on the queries that it was not fitted to: mean log loss, and its error."""

    method: Method
    log_loss: float
    calibration_error: CalibrationError


def fit_map(method: Method, logits: Numbers, relevant: NDArray[np.bool_]) -> CalibrationMap:
    """Return the map of a method, fitted to logits [n] and judgements [n].

    Raises:
        InputError: as `fit_platt`.
    """
    platt = fit_platt(logits, relevant)
    if method == "platt":
        return CalibrationMap("platt", platt.slope, platt.intercept)
    points, values = _isotonic(logits, relevant)
    return CalibrationMap("isotonic", platt.slope, platt.intercept, tuple(points), tuple(values))


def _isotonic(logits: Numbers, relevant: NDArray[np.bool_]) -> tuple[list[float], list[float]]:
    """Return the ends of the steps of the best rising function."""
    try:
        from scipy.optimize import isotonic_regression
    except ImportError as error:
        raise MissingExtraError("a calibration", "measure") from error
    points, place, weights = np.unique(logits, return_inverse=True, return_counts=True)
    means = np.bincount(place, relevant) / weights
    values = np.clip(isotonic_regression(means, weights=weights).x, 0, 1)
    ends = np.ones(len(points), np.bool_)
    ends[1:-1] = (values[1:-1] != values[:-2]) | (values[1:-1] != values[2:])
    return points[ends].tolist(), values[ends].tolist()


def validate(method: Method, judged: Judged, *, seed: int = 0) -> Validated:
    """Fit to four fifths of the queries and measure on the last, five times."""
    fold = _folds(judged, seed)
    probabilities = np.empty(len(judged.logits))
    for number in range(FOLDS):
        held_out = fold == number
        fitted = fit_map(method, judged.logits[~held_out], judged.relevant[~held_out])
        probabilities[held_out] = fitted.applied(judged.logits[held_out].astype(np.float32))
    return Validated(
        method,
        log_loss(probabilities, judged.relevant),
        calibration_error(probabilities, judged, seed=seed),
    )


def best_of(judged: Judged, *, seed: int = 0) -> tuple[CalibrationMap, tuple[Validated, ...]]:
    """Return the map of the method with the lower log loss, fitted to all, and how each did.

    Raises:
        InputError: there are too few labels, or the logits do not rise with relevance.
        MissingExtraError: scipy is not installed.
    """
    relevant = int(judged.relevant.sum())
    queries = len(np.unique(judged.query[judged.relevant]))
    require_enough(judged.name, relevant, len(judged.relevant) - relevant, queries)
    tried = tuple(validate(method, judged, seed=seed) for method in METHODS)
    best = min(tried, key=lambda one: one.log_loss)
    return fit_map(best.method, judged.logits, judged.relevant), tried


def log_loss(probabilities: Numbers, relevant: NDArray[np.bool_]) -> float:
    """Return the mean negative logarithm of what was said of each pair, in nats."""
    of_truth = np.where(relevant, probabilities, 1 - probabilities)
    return float(-np.log(np.clip(of_truth, _SURE, 1)).mean())


def calibration_error(probabilities: Numbers, judged: Judged, *, seed: int = 0) -> CalibrationError:
    """Return the expected calibration error and its interval over the queries."""
    try:
        from scipy.stats import bootstrap
    except ImportError as error:
        raise MissingExtraError("a calibration", "measure") from error
    numbers = np.unique(judged.query)
    of_query = [np.flatnonzero(judged.query == number) for number in numbers]

    def error_of(chosen: NDArray[np.intp]) -> float:
        rows = np.concatenate([of_query[at] for at in chosen])
        return expected_calibration_error(probabilities[rows], judged.relevant[rows])

    interval = bootstrap(
        (np.arange(len(numbers)),),
        error_of,
        vectorized=False,
        confidence_level=CONFIDENCE,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    whole = expected_calibration_error(probabilities, judged.relevant)
    return CalibrationError(whole, float(interval.low), float(interval.high))


def _folds(judged: Judged, seed: int) -> NDArray[np.intp]:
    """Return the fold of each pair: whole queries, those with a relevant candidate spread out."""
    numbers = np.unique(judged.query)
    has_one = np.isin(numbers, judged.query[judged.relevant])
    shuffled = np.random.default_rng(seed).permutation(len(numbers))
    order = np.concatenate((shuffled[has_one[shuffled]], shuffled[~has_one[shuffled]]))
    fold = np.empty(len(numbers), np.intp)
    fold[order] = np.arange(len(numbers)) % FOLDS
    return fold[np.searchsorted(numbers, judged.query)]
