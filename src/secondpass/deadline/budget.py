"""The time a call may take, and what is left of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

from secondpass.errors import InputError
from secondpass.scoring.finite import described, finite_number

# Seconds of a clock that never goes back.
Now = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Budget:
    """`ms` milliseconds from `started`, a time of the clock `now`. Make it with `start`."""

    ms: float
    started: float
    now: Now

    @classmethod
    def start(cls, ms: float, now: Now = perf_counter) -> Budget:
        """Return a budget that runs from now on."""
        return cls(ms, now(), now)

    def left_ms(self) -> float:
        """Return the milliseconds left; below zero when it is overrun."""
        return self.ms - (self.now() - self.started) * 1000


def checked_budget_ms(budget_ms: float | None) -> float | None:
    """Return `budget_ms` if it is a finite number above 0, or None for no limit."""
    if budget_ms is None:
        return None
    number = finite_number(budget_ms)
    if number is None or number <= 0:
        raise InputError(
            f"budget_ms is {described(budget_ms)}, expected milliseconds, a finite number above "
            "0, or None for no limit"
        )
    return number
