"""Seconds: the machine's, or a test's own."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """What is read before and after, and waited on between."""

    def now(self) -> float:
        """Return seconds since some moment."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return that much later, or at once when the clock is stopped."""
        ...

    def stop(self) -> None:
        """Wake all who sleep; nobody sleeps on this clock any more."""
        ...


class WallClock:
    """The machine's monotonic clock."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def now(self) -> float:
        """Return seconds since some moment, to less than a microsecond."""
        return time.perf_counter()

    def sleep(self, seconds: float) -> None:
        """Wait, unless the clock is stopped."""
        self._stopped.wait(seconds)

    def stop(self) -> None:
        """Wake all who sleep."""
        self._stopped.set()
