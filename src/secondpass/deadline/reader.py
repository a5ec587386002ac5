"""Reads candidates in first-stage order, block by block, for as long as there is time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from threading import Event, Lock
from time import perf_counter

from secondpass.deadline.budget import Budget, Now
from secondpass.deadline.calibrate import ScoreBlock, calibrate
from secondpass.deadline.cost import Cost
from secondpass.deadline.guard import Guard, ThreadGuard
from secondpass.deadline.pace import Pace
from secondpass.deadline.recent import Recent
from secondpass.scoring.clock import StageClock
from secondpass.scoring.selection import Scored

# A block may take this share of what is left, so that a machine that got slower meanwhile is
# noticed while there is time; the last blocks may take all that is left.
_SHARE = 0.5
# A machine found busy may have got quieter by this factor since.
_QUIETER = 20.0
# What is kept back for the order and the hits: for a call, and for each hit.
_FINISH_MS = 0.4
_HIT_MS = 0.003
# What a waiting thread needs to get going again, until that has been seen.
_FIRST_WAKING_MS = 0.1


class DeadlineReader:
    """What one reranker knows about its speed, and the threads that its late blocks are left to."""

    def __init__(
        self,
        *,
        streams: int,
        max_length: int,
        most_texts: int,
        stride: int | None = None,
        guard: Guard | None = None,
        now: Now = perf_counter,
    ) -> None:
        """`most_texts` are in memory at a time; with a stride a long text is many windows."""
        self._streams, self._max_length, self._most_texts = streams, max_length, most_texts
        self._stride = stride
        self._guard = guard or ThreadGuard(2 * streams)
        self._now = now
        self._calibrating = Lock()
        self._cost: Cost | None = None
        self._pace = Pace(now)
        self._waking = Recent(_FIRST_WAKING_MS)

    def start(self, budget_ms: float, score: ScoreBlock) -> Budget:
        """Calibrate if that has not been done; then start the budget."""
        self.calibrate(score)
        return Budget.start(budget_ms, self._now)

    def calibrate(self, score: ScoreBlock) -> Cost:
        """Measure once; threads that come meanwhile wait for it."""
        with self._calibrating:
            if self._cost is None:
                measured = calibrate(
                    score, streams=self._streams, max_length=self._max_length, now=self._now
                )
                self._cost = replace(measured, stride=self._stride)
                self._pace = Pace(self._now)
            return self._cost

    def read(
        self,
        budget: Budget,
        query: str,
        texts: Sequence[str],
        score: ScoreBlock,
        clock: StageClock,
        *,
        hits: int,
    ) -> list[Scored]:
        """Return blocks that hold the first texts, as many as there was time for; maybe none.

        `hits` are made of them afterwards, for which some time is kept back.
        """
        cost = self.calibrate(score)
        kept_back_ms = _FINISH_MS + _HIT_MS * min(hits, len(texts))
        blocks: list[Scored] = []
        start = 0
        while start < len(texts):
            left_ms = budget.left_ms() - kept_back_ms - self._waking.high()
            stop, cost_ms = self._next_block(cost, query, texts, start, left_ms)
            if stop == start:
                break
            block = self._read_block(
                query, texts[start:stop], start, score, clock, left_ms, cost_ms
            )
            if block is None:
                break
            blocks.append(block)
            start = stop
        return blocks

    def _next_block(
        self, cost: Cost, query: str, texts: Sequence[str], start: int, left_ms: float
    ) -> tuple[int, float]:
        """Return where the next block ends and its cost; it ends at `start` if none fits.

        A pace that is stale is tried with one text, or a busy minute would be believed for ever.
        """
        if left_ms <= 0:
            return start, 0.0
        for limit_ms in (_SHARE * left_ms, left_ms):
            affordable_ms = self._pace.affordable_ms(limit_ms)
            stop, cost_ms = cost.fitting(query, texts, start, self._most_texts, affordable_ms)
            if stop > start:
                return stop, cost_ms
        if self._pace.stale():
            return cost.fitting(query, texts, start, 1, _QUIETER * left_ms)
        return start, 0.0

    def _read_block(
        self,
        query: str,
        texts: Sequence[str],
        start: int,
        score: ScoreBlock,
        clock: StageClock,
        left_ms: float,
        cost_ms: float,
    ) -> Scored | None:
        """Score one block and learn from it. None if it was late; it is learnt from as well."""
        begun = self._now()
        # When the answer was there or, at the latest, when it was due.
        due = begun + left_ms / 1000
        own, late = StageClock(), Event()

        def work() -> Scored:
            nonlocal due
            scored = score([query] * len(texts), texts, start, own)
            due = min(due, self._now())
            if late.is_set():
                self._observe(cost_ms, begun, own)
            return scored

        scored = self._guard.within(left_ms, work)
        self._waking.add((self._now() - due) * 1000)
        # A late block takes at least this long; it reports again when it has ended.
        self._observe(cost_ms, begun, own)
        if scored is None:
            late.set()
        else:
            clock.add(own)
        return scored

    def _observe(self, cost_ms: float, begun: float, block: StageClock) -> None:
        # What came out of a cache says nothing of what reading costs.
        if not block.cached:
            self._pace.observe(cost_ms, (self._now() - begun) * 1000)
