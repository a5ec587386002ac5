"""How slow the machine is now, learnt from every group of texts that was scored."""

from __future__ import annotations

from threading import Lock

from secondpass.deadline.budget import Now
from secondpass.deadline.slowdown import Pace, Slowdown
from secondpass.options.effort import Effort

# What an effort may take of what all layers take, at least and at most.
_SHARES = 0.05, 2.0
# The weight of the newest group in that.
_NEWEST = 0.2


class Pacing:
    """Turns milliseconds of an idle machine into those of this one, for all clients together.

    What is predicted is the time by all layers. A group of another effort teaches which share of
    it the effort takes. Texts that a cache knew count in what waiting takes, and not in what a
    deadline allows for texts that have to be scored. Groups overlap: one is prepared while another
    is computed, so a group takes the time since the last one ended.
    """

    def __init__(self, now: Now) -> None:
        self._now = now
        self._lock = Lock()
        self._scored = Slowdown(now)
        self._all = Slowdown(now)
        self._last_end = now()
        self._shares: dict[Effort, float] = {}

    def pace(self, effort: Effort = "full") -> Pace:
        """Return what to allow for texts that no cache knows."""
        pace = self._scored.pace()
        share = self.share(effort)
        return pace._replace(factor=share * pace.factor, best=share * pace.best)

    def share(self, effort: Effort) -> float:
        """Return what an effort takes, of the time that all layers take."""
        return self._shares.get(effort, 1.0)

    def ms(self, idle_ms: float) -> float:
        """Return about how long it is until so much is done."""
        return self._all.pace().factor * idle_ms

    def observe(self, idle_ms: float, begun: float, *, efforts: set[Effort], cached: bool) -> None:
        """Learn from a group that was begun at this time and has just ended."""
        if idle_ms <= 0:
            return
        with self._lock:
            begun, self._last_end = max(begun, self._last_end), self._now()
            took_ms = (self._last_end - begun) * 1000
        if efforts == {"full"}:
            self._all.observe(idle_ms, took_ms)
            if not cached:
                self._scored.observe(idle_ms, took_ms)
        elif len(efforts) == 1:
            (effort,) = efforts
            ratio = took_ms / self.ms(idle_ms)
            least, most = _SHARES
            learnt = self.share(effort) * (1 + _NEWEST * (ratio - 1))
            self._shares[effort] = min(max(learnt, least), most)
