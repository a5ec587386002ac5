"""SearchPipeline: retrieve with the bi-encoder, rerank with the cross-encoder, time both."""

from __future__ import annotations

from time import perf_counter
from typing import Protocol

from secondpass.options import whole
from secondpass.types import Ranking, RetrievedDocument, SearchHit, SearchResult, SearchTimings


class Retriever(Protocol):
    """A first stage, such as `Index`."""

    def search(self, query: str, limit: int = 10) -> list[RetrievedDocument]:
        """Return the documents nearest to the query, nearest first."""
        ...


class SecondPass(Protocol):
    """A second stage, such as `CrossEncoderReranker`."""

    def rank(self, query: str, texts: list[str], top_k: int | None = 10) -> Ranking:
        """Return the best texts, best first."""
        ...


class SearchPipeline:
    """Two stages as one search: `depth` documents are retrieved, all are reranked.

    Args:
        index: the first stage.
        reranker: the second.
        depth: how many documents the second pass reads; 50 to 100 is usual.
    """

    def __init__(self, index: Retriever, reranker: SecondPass, depth: int = 100) -> None:
        self._index = index
        self._reranker = reranker
        self._depth = whole("depth", depth)

    def search(self, query: str, top_k: int | None = 10) -> SearchResult:
        """Return the `top_k` best documents with both ranks, both scores and the timings.

        Raises:
            InputError: the query is empty, or `top_k` is no whole number of at least 1.
        """
        started = perf_counter()
        retrieved = self._index.search(query, limit=self._depth)
        retrieve_ms = (perf_counter() - started) * 1000
        ranking = self._reranker.rank(query, [found.text for found in retrieved], top_k)
        hits = tuple(
            SearchHit(retrieved[hit.index], hit.index + 1, rank, hit.score, hit.truncated)
            for rank, hit in enumerate(ranking, start=1)
        )
        total_ms = (perf_counter() - started) * 1000
        return SearchResult(hits, SearchTimings(retrieve_ms, ranking.timings, total_ms))
