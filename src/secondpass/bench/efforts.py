"""What reranking takes at each effort from states that an index keeps, or would keep."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from secondpass.bench.clock import Clock
from secondpass.bench.result import EffortPoint
from secondpass.errors import InputError
from secondpass.options.effort import EFFORTS, Effort
from secondpass.pipeline import Retriever
from secondpass.reranker import CrossEncoderReranker
from secondpass.scoring.passage import bring_states
from secondpass.states.codec import StatePrecision
from secondpass.stats.percentiles import summarize

# Where no index keeps them, the states of each query's candidates are made first, untimed.
QUERIES = 20


class EffortCurve:
    """Reranks the same queries at every effort that the model has from states.

    The efforts take turns query by query, so a slow minute of the machine falls on all of them.

    Args:
        first: the first stage.
        reranker: a late-joined model.
        depth: how many candidates are reranked.
        clock: what is timed by.
        precision: make states of the candidates; None uses those that they bring.
    """

    def __init__(
        self,
        first: Retriever,
        reranker: CrossEncoderReranker,
        depth: int,
        clock: Clock,
        precision: StatePrecision | None,
    ) -> None:
        self._first = first
        self._reranker = reranker
        self._depth = depth
        self._clock = clock
        self._precision = precision
        self._made: tuple[list[str], list[str]] = ([], [])
        self._spent_ms: dict[Effort, list[float]] = {}
        self._counts: list[tuple[int, int]] = []

    def measure(self, queries: Sequence[str], finished: Callable[[int], None]) -> None:
        """Rerank each query at each effort; the first stage is not timed here."""
        for query in queries:
            texts = self._texts(query)
            if not self._spent_ms:
                self._spent_ms = {effort: [] for effort in EFFORTS if self._has(effort, texts)}
            for effort, spent in self._spent_ms.items():
                started = self._clock.now()
                ranking = self._reranker.rank(query, texts, effort=effort)
                spent.append((self._clock.now() - started) * 1000)
            self._counts.append((len(texts), ranking.timings.from_states))
            finished(1)

    def points(self, *, seed: int) -> tuple[EffortPoint, ...]:
        """Return what is measured so far, the least effort first."""
        if not self._counts:
            return ()
        candidates, from_states = (
            sum(column) / len(self._counts) for column in zip(*self._counts, strict=True)
        )
        return tuple(
            EffortPoint(effort, candidates, from_states, summarize(spent, seed=seed))
            for effort, spent in reversed(self._spent_ms.items())
        )

    def _texts(self, query: str) -> list[str]:
        texts = [document.text for document in self._first.search(query, self._depth)]
        if self._precision is None:
            return texts
        if texts != self._made[0]:
            self._made = (texts, self._reranker.passages(texts, self._precision))
        return self._made[1]

    def _has(self, effort: Effort, texts: Sequence[str]) -> bool:
        """Tell whether the model has an effort from states; it compiles what is made at first."""
        try:
            self._reranker.rank("warm up", texts, effort=effort)
        except InputError:
            return False
        return True


def states_are_there(first: Retriever, reranker: CrossEncoderReranker, query: str) -> bool:
    """Tell whether the candidates of a query bring states that the model makes."""
    found = [document.text for document in first.search(query, 1)]
    if not found or not bring_states(found) or reranker.options.cascade is not None:
        return False
    return reranker.model.keeps_states and reranker.rank(query, found).timings.from_states > 0
