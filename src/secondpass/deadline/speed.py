"""How fast a scorer is on this machine: measured once, then followed block by block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Lock
from time import perf_counter

from secondpass.cost.calibrate import ReadTexts, ScoreBlock, calibrate
from secondpass.cost.text_cost import TextCost
from secondpass.deadline.budget import Budget, Now
from secondpass.deadline.sliding_quantile import SlidingQuantile
from secondpass.deadline.slowdown import Slowdown
from secondpass.scorer import Pricing

# What a waiting thread needs to wake up, until that was measured.
_FIRST_WAKING_MS = 0.1
# How long it is believed that one text alone was late.
_RETRY_SECONDS = 0.1
# With that much more time it is tried all the same.
_MORE_TIME = 1.25


class Tries:
    """Which texts were tried alone, where nothing seemed to fit, and were late nevertheless."""

    def __init__(self, now: Now) -> None:
        self._now = now
        self._late: tuple[float, float] | None = None

    def late(self, left_ms: float) -> None:
        """Note that one text alone took longer than `left_ms`."""
        self._late = self._now(), left_ms

    def worth_it(self, left_ms: float) -> bool:
        """Tell whether one text may be in time, unless the last try just said that it is not."""
        if self._late is None:
            return True
        at, took_ms = self._late
        return left_ms > _MORE_TIME * took_ms or self._now() - at > _RETRY_SECONDS


class Speed:
    """The cost of texts, the slowdown of the machine and of waking up; shared by all calls.

    Args:
        pricing: how the scorer cuts texts, and how many batches it computes at a time.
        score: scores a block whatever a cache knows; calibration measures it.
        now: a clock.
        read: makes of the texts that calibration measures such as calls will bring.
    """

    def __init__(
        self,
        pricing: Pricing,
        score: ScoreBlock,
        now: Now = perf_counter,
        *,
        read: ReadTexts = list,
    ) -> None:
        self.now = now
        self.slowdown = Slowdown(now)
        self.waking = SlidingQuantile(_FIRST_WAKING_MS)
        self.tries = Tries(now)
        self._in_flight = 0
        self._counting = Lock()
        self._pricing = pricing
        self._score = score
        self._read = read
        self._calibrating = Lock()
        self._cost: TextCost | None = None

    def calibrate(self) -> TextCost:
        """Return what texts cost on an idle machine, which is measured once.

        Threads that come meanwhile wait for it.
        """
        with self._calibrating:
            if self._cost is None:
                streams, max_length, stride, select_tokens = self._pricing
                measured = calibrate(
                    self._score,
                    streams=streams,
                    max_length=max_length,
                    now=self.now,
                    read=self._read,
                )
                self._cost = replace(measured, stride=stride, select_tokens=select_tokens)
                self.slowdown = Slowdown(self.now)
            return self._cost

    @contextmanager
    def in_flight(self) -> Iterator[None]:
        """Count a call among those that share the machine, as long as it scores."""
        with self._counting:
            self._in_flight += 1
        try:
            yield
        finally:
            with self._counting:
                self._in_flight -= 1

    @property
    def calls(self) -> int:
        """How many calls with a budget are scoring now; each has its share of the machine."""
        return max(1, self._in_flight)

    def start(self, budget_ms: float) -> Budget:
        """Calibrate if that has not been done; then start the budget."""
        self.calibrate()
        return Budget.start(budget_ms, self.now)
