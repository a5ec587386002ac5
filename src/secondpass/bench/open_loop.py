"""The open loop: queries arrive at a constant rate, whether or not the last is answered."""

from __future__ import annotations

from secondpass.bench.clock import Clock
from secondpass.bench.workers import Arrival


def open_loop(rate: float, clock: Clock) -> Arrival:
    """Return arrivals at `rate` queries a second, the first one now.

    A query that finds every worker busy waits, and its latency counts from when it should have
    arrived. Counted from when it was begun, one stall would show as one slow query and hide all
    those that queued behind it (coordinated omission).
    """
    first = clock.now()

    def arrival(number: int) -> float:
        intended = first + number / rate
        early = intended - clock.now()
        if early > 0:
            clock.sleep(early)
        return intended

    return arrival
