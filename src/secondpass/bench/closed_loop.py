"""The closed loop: N clients, each sends its next query when it has the answer to its last."""

from __future__ import annotations

from secondpass.bench.clock import Clock
from secondpass.bench.workers import Arrival


def closed_loop(clock: Clock) -> Arrival:
    """Return arrivals for which nobody waits: a query arrives when its client is free.

    So a slow answer also delays the queries behind it, and their waiting is nowhere counted. That
    is what clients that wait for each other see; for users who do not, take the open loop.
    """
    return lambda _number: clock.now()
