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
        self.dropped = 0
        self.cached = 0

    @contextmanager
    def time(self, stage: Stage) -> Iterator[None]:
        """Add the wall time of the block to a stage."""
        started = perf_counter()
        yield
        spent = (perf_counter() - started) * 1000
        self._spent[stage] = self._spent.get(stage, 0.0) + spent

    def count(self, texts: int, tokens: int, truncated: int) -> None:
        """Add to what was read: texts, their tokens without padding, and how many were cut."""
        self.candidates += texts
        self.tokens += tokens
        self.truncated += truncated

    def timings(self) -> Timings:
        """Return milliseconds by stage, the total up to now, and the counts."""
        return Timings(
            **self._spent,
            total_ms=(perf_counter() - self._started) * 1000,
            candidates=self.candidates,
            tokens=self.tokens,
            truncated=self.truncated,
            dropped=self.dropped,
            cached=self.cached,
        )
