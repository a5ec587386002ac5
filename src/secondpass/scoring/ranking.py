"""Logit to score, by the model's own activation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from secondpass.errors import InputError, ScoreError
from secondpass.models.activation import Activation

Scores = NDArray[np.float32]


def _sigmoid(logits: Scores) -> Scores:
    # exp of minus the absolute value never overflows.
    decay = np.exp(-np.abs(logits))
    return np.asarray(np.where(logits >= 0, 1 / (1 + decay), decay / (1 + decay)), np.float32)


_FUNCTIONS: dict[Activation, Callable[[Scores], Scores]] = {
    "sigmoid": _sigmoid,
    "identity": lambda logits: logits,
    "tanh": np.tanh,
    "relu": lambda logits: np.maximum(logits, np.float32(0)),
    "softplus": lambda logits: np.logaddexp(np.float32(0), logits),
}


def to_scores(logits: Scores, activation: Activation, first: int = 0) -> Scores:
    """Apply the activation; float32 [n] in and out. `first` is the position of the first text.

    Raises:
        ScoreError: a logit is no finite number; the message names the text's position.
    """
    broken = np.flatnonzero(~np.isfinite(logits))
    if len(broken):
        raise ScoreError(
            f"the model gave {logits[broken[0]]} for text {first + broken[0]} ({len(broken)} of "
            f"{len(logits)} are not finite): its weights are damaged, or the precision does not "
            "suit it; try precision='fp32'"
        )
    return _FUNCTIONS[activation](logits)


def checked_top_k(top_k: int | None) -> int | None:
    """Return `top_k` if it is a whole number of at least 1, or None for all."""
    if top_k is None:
        return None
    if isinstance(top_k, bool) or not isinstance(top_k, int | np.integer) or top_k < 1:
        raise InputError(
            f"top_k is {top_k!r}, expected a whole number of at least 1, or None for all"
        )
    return int(top_k)
