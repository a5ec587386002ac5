"""Logit to score, by the model's own activation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from secondpass.errors import Argument, ScoreError
from secondpass.options.model import Activation
from secondpass.scoring.calibration_map import CalibrationMap
from secondpass.scoring.scored import Floats
from secondpass.scoring.sigmoid import sigmoid

Wide = NDArray[np.float64]

_FUNCTIONS: dict[Activation, Callable[[Wide], Wide]] = {
    "sigmoid": sigmoid,
    "identity": lambda logits: logits,
    "tanh": np.tanh,
    "relu": lambda logits: np.maximum(logits, 0.0),
    "softplus": lambda logits: np.logaddexp(0.0, logits),
}


def require_finite(logits: Floats) -> None:
    """Raise unless all are finite.

    Raises:
        ScoreError: a logit is not a finite number; the message names the text's position.
    """
    labels = tuple(range(1, logits.ndim))
    broken = np.flatnonzero(~np.isfinite(logits).all(axis=labels))
    if len(broken):
        raise ScoreError(
            f"the model gave {_first_broken(logits[broken[0]])} for text {broken[0]} "
            f"({len(broken)} of "
            f"{len(logits)} are not finite): its weights are damaged, or the precision does not "
            "suit it; try ",
            Argument("precision", "fp32"),
        )


def _first_broken(logits: Floats) -> np.float32:
    """Return the first of a text's logits that is not finite."""
    values = np.atleast_1d(logits)
    first: np.float32 = values[~np.isfinite(values)][0]
    return first


def activate(logits: Floats, activation: Activation | CalibrationMap) -> Floats:
    """Apply the activation, or a calibration; float32 [n], or [n, labels], in and out.

    In float64 between: a float32 exponential can put neighbouring logits in the other order.
    """
    if isinstance(activation, CalibrationMap):
        return activation.applied(logits)
    wide = logits.astype(np.float64)
    return np.asarray(_FUNCTIONS[activation](wide), np.float32)
