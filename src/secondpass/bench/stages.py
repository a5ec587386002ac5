"""One query through both stages, with the milliseconds of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from secondpass.bench.clock import Clock
from secondpass.bench.result import QueryTimes
from secondpass.pipeline import SecondPass
from secondpass.retrieval.index import Index


@dataclass(frozen=True, slots=True)
class Retrieved:
    """Candidates of one query; the times are None where nothing was retrieved.

    `ids` and `similarities` are those of the texts; fixed candidates are known by their place and
    have no similarity.
    """

    texts: Sequence[str]
    embed_ms: float | None = None
    search_ms: float | None = None
    ids: Sequence[str] = ()
    similarities: Sequence[float] = ()


class FirstStage(Protocol):
    """Where candidates come from."""

    def retrieve(self, query: str, limit: int, clock: Clock) -> Retrieved:
        """Return up to `limit` candidates, best first."""
        ...


@dataclass(frozen=True, slots=True)
class DenseStage:
    """Embeds the query and searches an index."""

    index: Index

    def retrieve(self, query: str, limit: int, clock: Clock) -> Retrieved:
        """Return the nearest documents, and the times of the search's two halves."""
        started = clock.now()
        vector = self.index.embed_query(query)
        embedded = clock.now()
        found = self.index.search_vector(vector, limit)
        searched = clock.now()
        return Retrieved(
            [document.text for document in found],
            (embedded - started) * 1000,
            (searched - embedded) * 1000,
            [document.id for document in found],
            [document.similarity for document in found],
        )


@dataclass(frozen=True, slots=True)
class FixedCandidates:
    """The same candidates for every query: no dense stage."""

    texts: Sequence[str]

    def retrieve(self, query: str, limit: int, clock: Clock) -> Retrieved:
        """Return the first `limit` candidates."""
        texts = self.texts[:limit]
        return Retrieved(texts, ids=[str(at) for at in range(len(texts))])


@dataclass(frozen=True, slots=True)
class TwoStages:
    """What is measured: retrieve `depth` candidates, rerank them, keep `top_k`."""

    first: FirstStage
    second: SecondPass
    depth: int
    top_k: int
    clock: Clock

    def measure(self, query: str) -> QueryTimes:
        """Run one query and return its times."""
        started = self.clock.now()
        retrieved = self.first.retrieve(query, self.depth, self.clock)
        between = self.clock.now()
        timings = self.second.rank(query, list(retrieved.texts), self.top_k).timings
        ended = self.clock.now()
        return QueryTimes(
            embed_ms=retrieved.embed_ms,
            search_ms=retrieved.search_ms,
            dense_ms=None if retrieved.embed_ms is None else (between - started) * 1000,
            tokenise_ms=timings.tokenise_ms,
            batch_ms=timings.batch_ms,
            infer_ms=timings.infer_ms,
            rank_ms=timings.rank_ms,
            rerank_ms=(ended - between) * 1000,
            pipeline_ms=(ended - started) * 1000,
            candidates=timings.candidates,
            tokens=timings.tokens,
            truncated=timings.truncated,
        )
