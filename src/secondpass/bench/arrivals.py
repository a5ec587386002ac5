"""When queries arrive: a closed loop of clients, or an open one at a constant rate."""

from __future__ import annotations

from secondpass.bench.clock import Clock
from secondpass.bench.workers import Arrival


def closed_loop(clock: Clock) -> Arrival:
    """Return arrivals for which nobody waits: a query arrives when its client is free.

    Each client sends its next query when it has the answer to its last. So a slow answer also
    delays the queries behind it, and their waiting is nowhere counted. That is what clients that
    wait for each other see; for users who do not, take the open loop.
    """
    return lambda _number: clock.now()


def open_loop(rate: float, clock: Clock) -> Arrival:
    """Return arrivals at `rate` queries a second, the first one now, answered or not.

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
