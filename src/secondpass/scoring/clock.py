"""Sums wall time by stage over the blocks of one call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Literal

from secondpass.types import Timings

Stage = Literal["tokenise_ms", "batch_ms", "infer_ms", "rank_ms", "cache_ms"]


class StageClock:
    """Starts when made; `timings` gives what each stage took so far."""

    def __init__(self) -> None:
        self._started = perf_counter()
        self._spent: dict[Stage, float] = {}
        self.candidates = 0
        self.tokens = 0
        self.truncated = 0
        self.windows = 0
        self.dropped_tokens = 0
        self.dropped = 0
        self.unread = 0
        self.exited = 0
        self.cached = 0

    @contextmanager
    def time(self, stage: Stage) -> Iterator[None]:
        """Add the wall time of the block to a stage."""
        started = perf_counter()
        yield
        spent = (perf_counter() - started) * 1000
        self._spent[stage] = self._spent.get(stage, 0.0) + spent

    def count(
        self, texts: int, tokens: int, truncated: int, *, windows: int, dropped_tokens: int
    ) -> None:
        """Add to what was read: texts, their windows, the tokens of these without padding, query
        and all; and how many texts were cut, and of how many tokens.
        """
        self.candidates += texts
        self.tokens += tokens
        self.truncated += truncated
        self.windows += windows
        self.dropped_tokens += dropped_tokens

    def add(self, block: StageClock) -> None:
        """Add what was spent and read in a block that had a clock of its own."""
        for stage, spent in block._spent.items():
            self._spent[stage] = self._spent.get(stage, 0.0) + spent
        self.count(
            block.candidates,
            block.tokens,
            block.truncated,
            windows=block.windows,
            dropped_tokens=block.dropped_tokens,
        )
        self.cached += block.cached

    def timings(self) -> Timings:
        """Return milliseconds by stage, the total up to now, and the counts."""
        return Timings(
            **self._spent,
            total_ms=(perf_counter() - self._started) * 1000,
            candidates=self.candidates + self.unread,
            tokens=self.tokens,
            truncated=self.truncated,
            dropped=self.dropped,
            windows=self.windows,
            dropped_tokens=self.dropped_tokens,
            reranked=self.candidates,
            exited=self.exited,
            cached=self.cached,
        )
