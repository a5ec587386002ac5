"""A scorer that ends in time: texts in the first stage's order, block by block."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from threading import Event
from time import perf_counter
from typing import NamedTuple

from secondpass.deadline.budget import Budget
from secondpass.deadline.cached_texts import CachedTexts, FindKnown
from secondpass.deadline.fitting import Block, next_block
from secondpass.deadline.slowdown import pace_of
from secondpass.deadline.speed import Speed
from secondpass.deadline.timeout import TimeoutRunner
from secondpass.options.effort import Effort
from secondpass.scorer import AnyScorer, Pricing, score_texts
from secondpass.scoring.scored import Scored
from secondpass.scoring.stats import Stats, ms_since

# What is kept back for the order and the hits: for a call, and for each hit.
_FINISH_MS = 0.4
_HIT_MS = 0.002


class TimedRequest(NamedTuple):
    """A request that waits for its turn: what fits is decided block by block."""

    query: str
    texts: Sequence[str]
    effort: Effort


class DeadlineScorer:
    """A scorer for one call with a budget, round another.

    Args:
        scorer: scores the blocks.
        speed: what is known of the scorer's speed; it learns from every block.
        budget: the time of the call, which runs already.
        runner: runs a block so that it can be left.
        hits: how many hits are made afterwards, for which some time is kept back.
        find_known: tells which texts a score cache has, so that only the others are priced.
    """

    def __init__(
        self,
        scorer: AnyScorer,
        speed: Speed,
        budget: Budget,
        runner: TimeoutRunner,
        *,
        hits: int | None = None,
        find_known: FindKnown | None = None,
    ) -> None:
        self._scorer, self._speed, self._budget, self._runner = scorer, speed, budget, runner
        self._hits = hits
        self._find_known = find_known

    def most_texts(self, effort: Effort = "full") -> int:
        """Return no limit: blocks are cut by the time that is left."""
        self._scorer.most_texts(effort)
        return sys.maxsize

    def pricing(self) -> Pricing:
        """Return what a deadline has to know."""
        return self._scorer.pricing()

    def prepare(self, query: str, texts: Sequence[str], effort: Effort = "full") -> TimedRequest:
        """Return the request as it is: a text that will not fit is not tokenized."""
        return TimedRequest(query, texts, effort)

    def score(self, prepared: Sequence[TimedRequest]) -> list[Scored]:
        """Score the first texts of each request, as many as there is time for; maybe none."""
        with self._speed.in_flight():
            return [self._score_in_time(request) for request in prepared]

    def finish(self, prepared: TimedRequest, logits: Scored) -> Scored:
        """Return the texts that were scored in time."""
        return logits

    def close(self) -> None:
        """Close nothing: the scorer outlives the call."""

    def _score_in_time(self, request: TimedRequest) -> Scored:
        cost, most = self._speed.calibrate(), self._scorer.most_texts(request.effort)
        query, texts, _ = request
        kept_back_ms = _FINISH_MS + _HIT_MS * min(self._hits or len(texts), len(texts))
        cached = CachedTexts(self._find_known, query, texts)
        blocks: list[Scored] = []
        stats = Stats()
        start, of_call = 0, None
        while start < len(texts):
            begun = perf_counter()
            if cached.lacks(start + most) and not self._look_up(cached, start + most):
                break
            stats += Stats(cache_ms=ms_since(begun))
            left_ms = self._budget.left_ms() - kept_back_ms - self._speed.waking.p95()
            calls = self._speed.calls
            # Late, it is left: a call that has read nothing loses nothing by a try.
            tries = not blocks and self._speed.tries.worth_it(left_ms)
            pace = self._speed.slowdown.pace()
            pace = pace._replace(of_call=of_call, try_ms=pace.hoped_ms(left_ms) if tries else 0.0)
            # Of a machine that is shared each call has its part: it is that much slower for each.
            block = next_block(
                cost,
                pace,
                query,
                texts,
                start,
                most=most,
                left_ms=left_ms / calls,
                cached=cached.positions,
            )
            if block.stop == start:
                break
            known = cached.count(start, block.stop)
            timed = self._score_block(request, block, known, left_ms, calls)
            if timed is None:
                # One that others kept waiting says nothing of the next.
                if block.stop - block.start == 1 and max(calls, self._speed.calls) == 1:
                    self._speed.tries.late(left_ms)
                break
            scored, taken_ms = timed
            if known < block.stop - block.start:
                of_call = pace_of(block.cost_ms, taken_ms / calls)
            blocks.append(scored)
            start = block.stop
        scored = Scored.joined(blocks)
        return replace(scored, stats=scored.stats + stats)

    def _look_up(self, cached: CachedTexts, stop: int) -> bool:
        """Ask a cache ahead; False if it was too slow, as a folder that others write to may be."""
        return bool(self._runner.run(self._budget.left_ms(), partial(cached.look_up, stop)))

    def _score_block(
        self, request: TimedRequest, block: Block, cached: int, left_ms: float, calls: int
    ) -> tuple[Scored, float] | None:
        """Score one block and learn from it; return it with its milliseconds.

        None if it was late; it is learnt from as well.
        """
        texts = request.texts[block.start : block.stop]
        now = self._speed.now
        begun = now()
        # When the answer was there or, at the latest, when it was due.
        due = begun + left_ms / 1000
        late = Event()

        def work() -> Scored:
            nonlocal due
            scored = score_texts(self._scorer, request.query, texts, request.effort)
            due = min(due, now())
            if late.is_set():
                self._observe(block, cached, begun, scored, calls)
            return scored

        scored = self._runner.run(left_ms, work)
        self._speed.waking.add((now() - due) * 1000)
        # A late block takes at least this long; it reports again when it has ended.
        taken_ms = (now() - begun) * 1000
        self._observe(block, cached, begun, scored, calls)
        if scored is None:
            late.set()
            return None
        return scored, taken_ms

    def _observe(
        self, block: Block, cached: int, begun: float, scored: Scored | None, calls: int
    ) -> None:
        # Cached texts say nothing of what scoring costs; nor does a block of which the cache, when
        # it came to it, knew more or less. Of one that has not ended nothing is counted yet.
        as_thought = scored is None or int(scored.cached.sum()) == cached
        if as_thought and cached < block.stop - block.start:
            measured_ms = (self._speed.now() - begun) * 1000
            self._speed.slowdown.observe(block.cost_ms, measured_ms / calls)
