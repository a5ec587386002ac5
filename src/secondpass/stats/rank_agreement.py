"""Kendall's tau of two lists of scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondpass.errors import MissingExtraError

Numbers = Sequence[float] | NDArray[np.floating[Any]]


def kendall_tau(one: Numbers, other: Numbers) -> float | None:
    """Return tau-b (Kendall 1945), in [-1, 1], which counts ties.

    None where it is not defined: fewer than two things, or a side that does not order at all.

    Raises:
        MissingExtraError: scipy is not installed.
    """
    try:
        from scipy.stats import kendalltau
    except ImportError as error:
        raise MissingExtraError("Kendall's tau", "measure") from error
    if len(one) < 2:
        return None
    tau = float(kendalltau(one, other).statistic)
    # scipy gives 0.9999999999999999 for the same order, which a limit of 1 must let through.
    return None if np.isnan(tau) else round(tau, 12)
