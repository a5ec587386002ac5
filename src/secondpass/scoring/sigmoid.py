"""The logistic function."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=np.floating)


def sigmoid(values: NDArray[T]) -> NDArray[T]:
    """Return 1 / (1 + exp(-value)) of each value, of the same type; it never overflows."""
    decay = np.exp(-np.abs(values))
    return np.asarray(np.where(values >= 0, 1 / (1 + decay), decay / (1 + decay)), values.dtype)
