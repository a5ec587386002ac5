"""From logit to the probability of relevance, and how far that probability can be trusted.

Platt, "Probabilistic Outputs for Support Vector Machines and Comparisons to Regularized Likelihood
Methods", 1999, with his smoothed targets, which keep few examples from making it sure of itself.
The expected calibration error of Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural
Networks", ICML 2017, in bins of equal mass: a reranker's probabilities crowd near 0, and bins of
equal width would leave most of them in one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from secondpass.errors import InputError, MissingExtraError
from secondpass.evaluation.collection import Collection
from secondpass.scoring.sigmoid import sigmoid

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Platt:
    """The probability of relevance is sigmoid(slope * logit + intercept).

    Multiplied into a model's last layer (weights by `slope`; bias by `slope`, and `intercept`
    added), its own sigmoid is that probability. The slope is above 0, so no order changes.
    """

    slope: float
    intercept: float

    def probabilities(self, logits: ArrayLike) -> Numbers:
        """Return the probability for each logit."""
        return sigmoid(self.slope * np.asarray(logits, np.float64) + self.intercept)


def fit_platt(logits: ArrayLike, relevant: Sequence[bool] | NDArray[np.bool_]) -> Platt:
    """Fit slope and intercept to the logits of (query, candidate) pairs and whether each is right.

    Raises:
        InputError: there is nothing to fit: one class only, equal logits, or logits that do not
            rise with relevance.
        MissingExtraError: scipy is not installed.
    """
    values, right = checked_pairs(logits, relevant, "logits")
    if right.all() or not right.any():
        raise InputError(
            f"{int(right.sum())} of {len(right)} pairs are relevant: a calibration needs both kinds"
        )
    if values.min() == values.max():
        raise InputError(f"all {len(values)} logits are {values[0]:g}: nothing tells them apart")
    # Fitted to standardised logits, for a model's may be a hundredth or a hundred wide.
    mean, spread = float(values.mean()), float(values.std())
    slope, intercept = _minimise((values - mean) / spread, _targets(right))
    if slope <= 0:
        raise InputError(
            f"the fitted slope is {slope / spread:.4g}: these logits do not rise with relevance, "
            "and a calibration would turn the order round"
        )
    return Platt(slope / spread, intercept - slope * mean / spread)


def expected_calibration_error(
    probabilities: ArrayLike, relevant: Sequence[bool] | NDArray[np.bool_], bins: int = 10
) -> float:
    """Return the mean distance of probability and share of relevant pairs, over bins of equal mass.

    Equal probabilities share a bin, so that the order of the pairs decides nothing.

    Raises:
        InputError: a probability is outside 0 to 1, or there is not one for each pair.
        MissingExtraError: scipy is not installed.
    """
    values, right = checked_pairs(probabilities, relevant, "probabilities")
    if values.min() < 0 or values.max() > 1:
        raise InputError(
            f"probabilities go from {values.min():g} to {values.max():g}, expected 0 to 1: they "
            "may be logits"
        )
    try:
        from scipy.stats import rankdata
    except ImportError as error:
        raise MissingExtraError("a calibration", "measure") from error
    bin_of = ((rankdata(values) - 0.5) * bins // len(values)).astype(np.intp)
    # A bin's mean probability minus its share of relevant pairs, times its size, is a sum of both.
    return float(np.abs(np.bincount(bin_of, values - right)).sum() / len(values))


def relevant_from(collection: Collection) -> int:
    """Return the least grade that counts: TREC's 2 where grades go to 3 and above, else 1."""
    return 2 if collection.highest_grade >= 3 else 1


def checked_pairs(
    numbers: ArrayLike, relevant: Sequence[bool] | NDArray[np.bool_], name: str
) -> tuple[Numbers, NDArray[np.bool_]]:
    """Return numbers and judgements of the same pairs, or raise an InputError.

    `name` is what the message calls the numbers.
    """
    values, right = np.asarray(numbers, np.float64), np.asarray(relevant)
    if values.ndim != 1 or values.shape != right.shape or not len(values):
        raise InputError(
            f"{name} have shape {list(values.shape)}, the judgements {list(right.shape)}: expected "
            "one of each for every pair, and at least one pair"
        )
    if not np.isfinite(values).all():
        raise InputError(
            f"{int((~np.isfinite(values)).sum())} of {len(values)} {name} are not "
            "finite: leave those pairs out"
        )
    if not np.isin(right, (0, 1)).all():
        raise InputError("the judgements are not all 0 or 1: say which grade counts as relevant")
    return values, right.astype(np.bool_)


def _targets(right: NDArray[np.bool_]) -> Numbers:
    """Return what to fit instead of 1 and 0: the class's frequency after one more pair of each."""
    relevant, others = int(right.sum()), int((~right).sum())
    return np.where(right, (relevant + 1) / (relevant + 2), 1 / (others + 2))


def _minimise(values: Numbers, targets: Numbers) -> tuple[float, float]:
    """Return the slope and intercept of the least cross-entropy: convex, so there is only one."""
    try:
        from scipy.optimize import minimize
    except ImportError as error:
        raise MissingExtraError("a calibration", "measure") from error
    design = np.stack([values, np.ones(len(values))])

    def loss(parameters: Numbers) -> float:
        shifted = parameters @ design
        return float(np.mean(np.logaddexp(0, shifted) - targets * shifted))

    def gradient(parameters: Numbers) -> Numbers:
        return np.asarray(design @ (sigmoid(parameters @ design) - targets) / len(values))

    def curvature(parameters: Numbers) -> Numbers:
        chance = sigmoid(parameters @ design)
        return np.asarray(design * (chance * (1 - chance)) @ design.T / len(values))

    found = minimize(
        loss,
        np.zeros(2),
        method="trust-exact",
        jac=gradient,
        hess=curvature,
        options={"gtol": 1e-10},
    )
    slope, intercept = found.x
    return float(slope), float(intercept)
