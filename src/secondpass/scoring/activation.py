"""Logit to score, by the model's own activation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from secondpass.errors import Argument, ScoreError
from secondpass.options.model import Activation
from secondpass.scoring.scored import Floats


def _sigmoid(logits: Floats) -> Floats:
    # exp of minus the absolute value never overflows.
    decay = np.exp(-np.abs(logits))
    return np.asarray(np.where(logits >= 0, 1 / (1 + decay), decay / (1 + decay)), np.float32)


_FUNCTIONS: dict[Activation, Callable[[Floats], Floats]] = {
    "sigmoid": _sigmoid,
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
    broken = np.flatnonzero(~np.isfinite(logits))
    if len(broken):
        raise ScoreError(
            f"the model gave {logits[broken[0]]} for text {broken[0]} ({len(broken)} of "
            f"{len(logits)} are not finite): its weights are damaged, or the precision does not "
            "suit it; try ",
            Argument("precision", "fp32"),
        )


def activate(logits: Floats, activation: Activation) -> Floats:
    """Apply the activation; float32 [n] in and out."""
    return _FUNCTIONS[activation](logits)
