"""How slow the machine is now, learnt from every group of texts that was scored."""

from __future__ import annotations

from threading import Lock

from secondpass.deadline.budget import Now
from secondpass.deadline.slowdown import Pace, Slowdown


class Pacing:
    """Turns milliseconds of an idle machine into those of this one, for all clients together.

    Texts that a cache knew count in what waiting takes, and not in what a deadline allows for
    texts that have to be scored. Groups overlap: one is prepared while another is computed, so a
    group takes the time since the last one ended.
    """

    def __init__(self, now: Now) -> None:
        self._now = now
        self._lock = Lock()
        self._scored = Slowdown(now)
        self._all = Slowdown(now)
        self._last_end = now()

    def pace(self) -> Pace:
        """Return what to allow for texts that no cache knows."""
        return self._scored.pace()

    def ms(self, idle_ms: float) -> float:
        """Return about how long it is until so much is done."""
        return self._all.pace().factor * idle_ms

    def observe(self, idle_ms: float, begun: float, *, cached: bool) -> None:
        """Learn from a group that was begun at this time and has just ended."""
        if idle_ms <= 0:
            return
        with self._lock:
            begun, self._last_end = max(begun, self._last_end), self._now()
            took_ms = (self._last_end - begun) * 1000
        self._all.observe(idle_ms, took_ms)
        if not cached:
            self._scored.observe(idle_ms, took_ms)
