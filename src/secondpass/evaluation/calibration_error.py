"""How far probabilities of relevance can be trusted.

The expected calibration error of Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural
Networks", ICML 2017, in bins of equal mass: a reranker's probabilities crowd near 0, and bins of
equal width would leave most of them in one. And the score of Brier, "Verification of Forecasts
Expressed in Terms of Probability", 1950, which also rewards telling pairs apart.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from secondpass.errors import InputError, MissingExtraError
from secondpass.evaluation.calibration import Numbers, checked_pairs


def expected_calibration_error(
    probabilities: ArrayLike, relevant: Sequence[bool] | NDArray[np.bool_], bins: int = 10
) -> float:
    """Return the mean distance of probability and share of relevant pairs, over bins of equal mass.

    Equal probabilities share a bin, so that the order of the pairs decides nothing.

    Raises:
        InputError: the probabilities are none, or not one for each pair.
        MissingExtraError: scipy is not installed.
    """
    values, right = _checked_probabilities(probabilities, relevant)
    try:
        from scipy.stats import rankdata
    except ImportError as error:
        raise MissingExtraError("a calibration", "measure") from error
    bin_of = ((rankdata(values) - 0.5) * bins // len(values)).astype(np.intp)
    # A bin's mean probability minus its share of relevant pairs, times its size, is a sum of both.
    return float(np.abs(np.bincount(bin_of, values - right)).sum() / len(values))


def brier_score(probabilities: ArrayLike, relevant: Sequence[bool] | NDArray[np.bool_]) -> float:
    """Return the mean squared distance of the probability from 1 (relevant) or 0; lower is better.

    Raises:
        InputError: the probabilities are none, or not one for each pair.
    """
    values, right = _checked_probabilities(probabilities, relevant)
    return float(np.mean((values - right) ** 2))


def _checked_probabilities(
    probabilities: ArrayLike, relevant: Sequence[bool] | NDArray[np.bool_]
) -> tuple[Numbers, NDArray[np.bool_]]:
    values, right = checked_pairs(probabilities, relevant, "probabilities")
    if values.min() < 0 or values.max() > 1:
        raise InputError(
            f"probabilities go from {values.min():g} to {values.max():g}, expected 0 to 1: they "
            "may be logits"
        )
    return values, right
