"""How the machine does now, beside its quiet moments: learnt from every block, by all threads."""

from __future__ import annotations

import math
from threading import Lock
from time import perf_counter

from secondpass.deadline.budget import Now
from secondpass.deadline.recent import Recent

# What the newest block counts in the pace, if it is long; a short one is noise for the most part.
_NEWEST = 0.5
_LONG_MS = 5.0
# Before anything is known: a block of 25 ms may take 2.5 ms more.
_FIRST_MARGIN = 0.5
# The machine may have got quiet again since a measurement that is older than this.
_STALE_SECONDS = 1.0


class Pace:
    """Turns the cost on a quiet machine into the time to allow for it, and back.

    A block of cost c is allowed pace * c + margin * sqrt(c). The pace follows the newest blocks, so
    a machine that gets busy is noticed by the next block. The margin is a high quantile of what the
    last blocks took beyond their pace; it grows with the root, as interruptions that come
    independently of each other add up.
    """

    def __init__(self, now: Now = perf_counter) -> None:
        self._now = now
        self._lock = Lock()
        self._pace = 1.0
        self._beyond = Recent(_FIRST_MARGIN)
        self._measured_at = now()

    def observe(self, cost_ms: float, measured_ms: float) -> None:
        """Learn from a block of cost `cost_ms` that took `measured_ms`, waiting included."""
        weight = _NEWEST * cost_ms / (cost_ms + _LONG_MS)
        with self._lock:
            self._beyond.add((measured_ms - self._pace * cost_ms) / math.sqrt(cost_ms))
            self._pace += weight * (measured_ms / cost_ms - self._pace)
            self._measured_at = self._now()

    def allowed_ms(self, cost_ms: float) -> float:
        """Return the time to allow for a block of this cost."""
        pace, margin = self._state()
        return pace * cost_ms + margin * math.sqrt(cost_ms)

    def affordable_ms(self, left_ms: float) -> float:
        """Return the largest cost that `left_ms` allows: the inverse of `allowed_ms`."""
        if left_ms <= 0:
            return 0.0
        pace, margin = self._state()
        # Of pace * r**2 + margin * r = left, the form that does not subtract like from like.
        root = 2 * left_ms / (margin + math.sqrt(margin**2 + 4 * pace * left_ms))
        return root**2

    def stale(self) -> bool:
        """Tell whether nothing has been measured for so long that it is time to look again."""
        with self._lock:
            return self._now() - self._measured_at > _STALE_SECONDS

    def _state(self) -> tuple[float, float]:
        with self._lock:
            return self._pace, self._beyond.high()
