"""One query through both stages, with the milliseconds of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from secondpass.bench.result import QueryTimes
from secondpass.types import RetrievedDocument, SearchResult


@dataclass(frozen=True, slots=True)
class FixedCandidates:
    """The same candidates for every query, known by their place: no dense stage."""

    texts: Sequence[str]

    def search(self, query: str, limit: int = 10) -> list[RetrievedDocument]:
        """Return the first `limit` candidates; none is more similar than another."""
        return [
            RetrievedDocument(str(place), text, {}, 0.0)
            for place, text in enumerate(self.texts[:limit])
        ]


def query_times(result: SearchResult) -> QueryTimes:
    """Return the times of a search."""
    timings, stages = result.timings, result.timings.rerank
    return QueryTimes(
        embed_ms=timings.embed_ms,
        search_ms=timings.search_ms,
        dense_ms=None if timings.embed_ms is None else timings.retrieve_ms,
        tokenize_ms=stages.tokenize_ms,
        batch_ms=stages.batch_ms,
        infer_ms=stages.infer_ms,
        rank_ms=stages.rank_ms,
        rerank_ms=stages.total_ms,
        pipeline_ms=timings.total_ms,
        candidates=stages.candidates,
        tokens=stages.tokens,
        truncated=stages.truncated,
    )
