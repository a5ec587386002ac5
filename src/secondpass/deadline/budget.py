"""The time a call may take, and what is left of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

# Seconds of a clock that never goes back.
Now = Callable[[], float]

# Thirty years: longer than any call, and short enough to calculate with.
MOST_MS = 1e12


@dataclass(frozen=True, slots=True)
class Budget:
    """`ms` milliseconds from `started`, a time of the clock `now`. Make it with `start`."""

    ms: float
    started: float
    now: Now

    @classmethod
    def start(cls, ms: float, now: Now = perf_counter, *, spent_ms: float = 0.0) -> Budget:
        """Return a budget that runs from now on, or has run for `spent_ms` already.

        Beyond `MOST_MS` there is no difference.
        """
        return cls(min(ms, MOST_MS), now() - spent_ms / 1000, now)

    def left_ms(self) -> float:
        """Return the milliseconds left; below zero when it is overrun."""
        return self.ms - (self.now() - self.started) * 1000
