"""How slow the machine is now, relative to when it is idle: learnt from every block."""

from __future__ import annotations

import math
from threading import Lock
from time import perf_counter
from typing import NamedTuple

from secondpass.deadline.budget import Now
from secondpass.deadline.sliding_quantile import SlidingQuantile

# The weight of the newest block, if it is long; a short one is noise for the most part.
_NEWEST = 0.5
_LONG_MS = 5.0
# Before anything is known: a block of 25 ms may take 2.5 ms more.
_FIRST_MARGIN = 0.5
# The best that was seen was seen on a busy machine, perhaps: an idle one may be so much faster.
_HOPE = 4.0
# No rate is believed that is better than this, for a clock may stand still.
_BEST = 1e-4
# The machine may be idle again since a measurement that is older than this.
_STALE_SECONDS = 1.0


class Pace(NamedTuple):
    """Turns the cost on an idle machine into the time to allow for it, and back.

    A block of cost c is allowed factor * c + margin * sqrt(c). `stale` tells whether nothing has
    been measured recently: the machine may be faster now. `of_call` is the pace of the last block
    of a call, if it had one. `best` is the lowest factor of any block. Where nothing fits, one text
    is tried that costs at most `try_ms`.
    """

    factor: float
    margin: float
    stale: bool = False
    best: float = 1.0
    of_call: Pace | None = None
    try_ms: float = 0.0

    def hoped_ms(self, left_ms: float) -> float:
        """Return the cost that a text may have that is tried without being foreseen to fit."""
        return _HOPE * left_ms / self.best

    def allowed_ms(self, cost_ms: float) -> float:
        """Return the time to allow for a block of this cost."""
        return self.factor * cost_ms + self.margin * math.sqrt(cost_ms)

    def affordable_ms(self, left_ms: float) -> float:
        """Return the largest cost that `left_ms` allows: the inverse of `allowed_ms`."""
        if left_ms <= 0:
            return 0.0
        # Of factor * r**2 + margin * r = left, the form that does not subtract like from like.
        root = 2 * left_ms / (self.margin + math.sqrt(self.margin**2 + 4 * self.factor * left_ms))
        return root**2


def pace_of(cost_ms: float, measured_ms: float) -> Pace:
    """Return the pace of one block, with the margin that is allowed before anything is known."""
    return Pace(measured_ms / cost_ms, _FIRST_MARGIN)


class Slowdown:
    """Learns the pace, from all threads.

    It follows the newest blocks, so a machine that gets busy is noticed by the next block. The
    margin is the 95th percentile of what the last blocks took beyond their pace; it grows with the
    root, as interruptions that come independently of each other add up.
    """

    def __init__(self, now: Now = perf_counter) -> None:
        self._now = now
        self._lock = Lock()
        self._factor = self._best = 1.0
        self._beyond = SlidingQuantile(_FIRST_MARGIN)
        self._measured_at = -math.inf

    def observe(self, cost_ms: float, measured_ms: float) -> None:
        """Learn from a block of cost `cost_ms` that took `measured_ms`, waiting included."""
        weight = _NEWEST * cost_ms / (cost_ms + _LONG_MS)
        with self._lock:
            self._beyond.add((measured_ms - self._factor * cost_ms) / math.sqrt(cost_ms))
            self._factor += weight * (measured_ms / cost_ms - self._factor)
            self._best = max(_BEST, min(self._best, measured_ms / cost_ms))
            self._measured_at = self._now()

    def pace(self) -> Pace:
        """Return the pace of this moment."""
        with self._lock:
            stale = self._now() - self._measured_at > _STALE_SECONDS
            return Pace(self._factor, self._beyond.p95(), stale, self._best)
