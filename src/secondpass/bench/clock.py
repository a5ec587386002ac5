"""Seconds: the machine's, or a test's own."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """What is read before and after, and waited on between."""

    def now(self) -> float:
        """Return seconds since some moment."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return that much later."""
        ...


class WallClock:
    """The machine's monotonic clock."""

    def now(self) -> float:
        """Return seconds since some moment, to less than a microsecond."""
        return time.perf_counter()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
