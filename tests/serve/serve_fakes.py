"""Scorers without a model, and a clock that only a test moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np

from secondpass.cost.line import Cost
from secondpass.cost.text_cost import TextCost
from secondpass.scorer import Pricing, Request
from secondpass.scoring.scored import Scored
from secondpass.serve.batcher import Batcher
from secondpass.serve.pace import Pacing
from secondpass.serve.slices import LikeLengths
from secondpass.serve.work import Work

# A cost that no machine changes: a hundredth of a millisecond a token.
COST = TextCost(Cost(0.01, 0.0, 0.01, 0.0), 0.0, 0.25, max_length=64, streams=2)


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds

    def advance(self, ms: float) -> None:
        self.seconds += ms / 1000


class Asked(NamedTuple):
    query: str
    texts: list[str]
    effort: str


def logit(query: str, text: str) -> float:
    """A number from -8 to 8 of this query and text alone."""
    return crc32(f"{query}\0{text}".encode()) / 2**32 * 16 - 8


class FakeScorer:
    """Scores by a hash of query and text, and notes which requests came together.

    Args:
        on_score: called with the requests of a group before they are scored: to raise, or to wait.
        on_prepare, on_finish: the same of one request.
        most: how many texts may be scored at a time.
    """

    def __init__(
        self,
        on_score: Callable[[Sequence[Asked]], None] = lambda asked: None,
        *,
        on_prepare: Callable[[Asked], None] = lambda asked: None,
        on_finish: Callable[[Asked], None] = lambda asked: None,
        most: int = 1024,
    ) -> None:
        self.groups: list[list[Asked]] = []
        self.closed = False
        self._on_score, self._on_prepare, self._on_finish = on_score, on_prepare, on_finish
        self._most = most

    def most_texts(self, effort: str = "full") -> int:
        return self._most

    def pricing(self) -> Pricing:
        return Pricing(streams=1, max_length=512)

    def prepare(self, query: str, texts: Sequence[str], effort: str = "full") -> Asked:
        asked = Asked(query, list(texts), effort)
        self._on_prepare(asked)
        return asked

    def score(self, prepared: Sequence[Asked]) -> list[list[float]]:
        self._on_score(prepared)
        self.groups.append(list(prepared))
        return [[logit(one.query, text) for text in one.texts] for one in prepared]

    def finish(self, prepared: Asked, logits: list[float]) -> Scored:
        self._on_finish(prepared)
        return Scored.of(logits)

    def close(self) -> None:
        self.closed = True


def batcher_of(scorer: Any, now: Clock, *, group_ms: float = 100.0, **options: Any) -> Batcher:
    """A batcher that a test steps itself."""
    return Batcher(scorer, Pacing(now), group_ms=group_ms, now=now, **options)


def work_of(
    query: str, texts: Sequence[str], now: Clock, *, each_ms: float = 1.0, **options: Any
) -> Work[list[float]]:
    """A request whose texts take one millisecond a character times `each_ms`."""
    slices = LikeLengths(np.array([each_ms * len(text) for text in texts], float), 1024)
    return Work(
        Request(query, list(texts)),
        slices,
        lambda scored: scored.logits.tolist(),
        now=now,
        **options,
    )


def expected(query: str, texts: Sequence[str]) -> list[float]:
    """What each text scores alone."""
    return Scored.of([logit(query, text) for text in texts]).logits.tolist()


def queries(group: Sequence[Asked]) -> list[str]:
    """Whose texts a group has."""
    return [one.query for one in group]
