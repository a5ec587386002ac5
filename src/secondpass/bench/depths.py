"""The depth curve: what reranking more or fewer candidates takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from secondpass.bench.clock import Clock
from secondpass.bench.result import DepthPoint
from secondpass.pipeline import Retriever, SecondPass
from secondpass.stats.percentiles import summarize

DEPTHS = (10, 20, 50, 100, 200)
QUERIES = 40


class DepthCurve:
    """Reranks the same queries at every depth.

    The depths take turns query by query, so a slow minute of the machine falls on all of them.
    """

    def __init__(
        self, first: Retriever, second: SecondPass, depths: Sequence[int], clock: Clock
    ) -> None:
        self._first = first
        self._second = second
        self._clock = clock
        self._spent_ms: dict[int, list[float]] = {depth: [] for depth in depths}
        self._candidates: dict[int, list[int]] = {depth: [] for depth in depths}

    def measure(self, queries: Sequence[str], finished: Callable[[int], None]) -> None:
        """Rerank each query at each depth; the first stage is not timed here."""
        for query in queries:
            found = self._first.search(query, max(self._spent_ms))
            for depth, spent in self._spent_ms.items():
                texts = [document.text for document in found[:depth]]
                started = self._clock.now()
                self._second.rank(query, texts, 10)
                spent.append((self._clock.now() - started) * 1000)
                self._candidates[depth].append(len(texts))
                finished(len(texts))

    def points(self, *, seed: int) -> tuple[DepthPoint, ...]:
        """Return what is measured so far; a depth without any measurement is left out."""
        return tuple(
            DepthPoint(
                depth,
                sum(self._candidates[depth]) / len(self._candidates[depth]),
                summarize(spent, seed=seed),
            )
            for depth, spent in self._spent_ms.items()
            if spent
        )
