"""Reads candidates in first-stage order, block by block, for as long as there is time."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace
from functools import partial
from threading import Event, Lock
from time import perf_counter
from typing import NamedTuple

from secondpass.deadline.budget import Budget, Now
from secondpass.deadline.calibrate import ScoreBlock, calibrate
from secondpass.deadline.cost import Cost
from secondpass.deadline.guard import Guard, ThreadGuard
from secondpass.deadline.known import FindKnown, KnownTexts
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


class Block(NamedTuple):
    """Texts from number `start` on, what they should cost, and how many of them a cache knows."""

    texts: Sequence[str]
    start: int
    cost_ms: float
    known: int


class DeadlineReader:
    """What one reranker knows about its speed, and the threads that its late blocks are left to."""

    def __init__(
        self,
        *,
        streams: int,
        max_length: int,
        most_texts: int,
        stride: int | None = None,
        select_tokens: int | None = None,
        guard: Guard | None = None,
        now: Now = perf_counter,
    ) -> None:
        """`most_texts` are in memory at a time; with a stride a long text is many windows.

        With `select_tokens` so many of its tokens are read.
        """
        self._streams, self._max_length, self._most_texts = streams, max_length, most_texts
        self._stride, self._select_tokens = stride, select_tokens
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
                self._cost = replace(
                    measured, stride=self._stride, select_tokens=self._select_tokens
                )
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
        find_known: FindKnown | None = None,
    ) -> list[Scored]:
        """Return blocks that hold the first texts, as many as there was time for; maybe none.

        `hits` are made of them afterwards, for which some time is kept back. `find_known` tells
        which texts a score cache has, so that only the others count.
        """
        cost = self.calibrate(score)
        kept_back_ms = _FINISH_MS + _HIT_MS * min(hits, len(texts))
        known = KnownTexts(find_known, query, texts)
        blocks: list[Scored] = []
        start = 0
        while start < len(texts):
            ahead = start + self._most_texts
            if known.lacks(ahead) and not self._ask(known, ahead, budget, clock):
                break
            left_ms = budget.left_ms() - kept_back_ms - self._waking.high()
            stop, cost_ms = self._next_block(cost, query, texts, start, left_ms, known.positions)
            if stop == start:
                break
            block = Block(texts[start:stop], start, cost_ms, known.count(start, stop))
            scored = self._read_block(query, block, score, clock, left_ms)
            if scored is None:
                break
            blocks.append(scored)
            start = stop
        return blocks

    def _ask(self, known: KnownTexts, stop: int, budget: Budget, clock: StageClock) -> bool:
        """Ask a cache ahead; False if it was too slow, as a folder that others write to may be."""
        with clock.time("cache_ms"):
            return bool(self._guard.within(budget.left_ms(), partial(known.ask, stop)))

    def _next_block(
        self,
        cost: Cost,
        query: str,
        texts: Sequence[str],
        start: int,
        left_ms: float,
        known: Container[int],
    ) -> tuple[int, float]:
        """Return where the next block ends and its cost; it ends at `start` if none fits.

        A pace that is stale is tried with one text, or a busy minute would be believed for ever.
        """
        if left_ms <= 0:
            return start, 0.0
        for limit_ms in (_SHARE * left_ms, left_ms):
            affordable_ms = self._pace.affordable_ms(limit_ms)
            stop, cost_ms = cost.fitting(
                query, texts, start, self._most_texts, affordable_ms, known
            )
            if stop > start:
                return stop, cost_ms
        if self._pace.stale():
            return cost.fitting(query, texts, start, 1, _QUIETER * left_ms)
        return start, 0.0

    def _read_block(
        self, query: str, block: Block, score: ScoreBlock, clock: StageClock, left_ms: float
    ) -> Scored | None:
        """Score one block and learn from it. None if it was late; it is learnt from as well."""
        begun = self._now()
        # When the answer was there or, at the latest, when it was due.
        due = begun + left_ms / 1000
        own, late = StageClock(), Event()

        def work() -> Scored:
            nonlocal due
            scored = score([query] * len(block.texts), block.texts, block.start, own)
            due = min(due, self._now())
            if late.is_set():
                self._observe(block, begun, own)
            return scored

        scored = self._guard.within(left_ms, work)
        self._waking.add((self._now() - due) * 1000)
        # A late block takes at least this long; it reports again when it has ended.
        self._observe(block, begun, own)
        if scored is None:
            late.set()
        else:
            clock.add(own)
        return scored

    def _observe(self, block: Block, begun: float, spent: StageClock) -> None:
        # Known texts say nothing of what reading costs; nor does a block that the cache, when it
        # came to it, knew more or less of. Of one that has not ended nothing is counted yet.
        as_thought = spent.cached == block.known or not spent.candidates
        if as_thought and block.known < len(block.texts):
            self._pace.observe(block.cost_ms, (self._now() - begun) * 1000)
