"""The 95th percentile of the last 64 measurements."""

from __future__ import annotations

import math
from collections import deque
from threading import Lock

# All but one in twenty of the last ones; the timeout catches that one.
_REMEMBERED = 64
_COVERED = 0.95


class SlidingQuantile:
    """The last 64 values, from any thread; `first` stands in until there are some."""

    def __init__(self, first: float) -> None:
        self._lock = Lock()
        self._values = deque([first], maxlen=_REMEMBERED)

    def add(self, value: float) -> None:
        """Remember a value in place of the oldest."""
        with self._lock:
            self._values.append(value)

    def p95(self) -> float:
        """Return the smallest value that 95 % do not exceed, but nothing below zero."""
        with self._lock:
            ordered = sorted(self._values)
        return max(0.0, ordered[math.ceil(_COVERED * len(ordered)) - 1])
