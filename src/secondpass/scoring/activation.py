"""Logit to score, by the model's own activation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from secondpass.errors import Argument, ScoreError
from secondpass.options.model import Activation
from secondpass.scoring.calibration_map import CalibrationMap
from secondpass.scoring.scored import Floats
from secondpass.scoring.sigmoid import sigmoid

_FUNCTIONS: dict[Activation, Callable[[Floats], Floats]] = {
    "sigmoid": sigmoid,
    "identity": lambda logits: logits,
    "tanh": np.tanh,
    "relu": lambda logits: np.maximum(logits, np.float32(0)),
    "softplus": lambda logits: np.logaddexp(np.float32(0), logits),
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
    """Apply the activation, or a calibration; float32 [n], or [n, labels], in and out."""
    if isinstance(activation, CalibrationMap):
        return activation.applied(logits)
    return _FUNCTIONS[activation](logits)
