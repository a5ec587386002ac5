"""SearchPipeline: retrieve with the bi-encoder, rerank with the cross-encoder, time both."""

from __future__ import annotations

from collections.abc import Iterable
from time import perf_counter
from typing import Protocol, TypedDict

from secondpass.checks import integer
from secondpass.deadline.budget import Budget
from secondpass.options.call import RankOptions
from secondpass.options.effort import Effort, checked_effort
from secondpass.options.fusion import Fuse, Fusion
from secondpass.types import Ranking, RetrievedDocument, SearchHit, SearchResult, SearchTimings

# A budget must be above 0; this is too small to score anything.
_NOTHING_MS = 1e-3


class Retriever(Protocol):
    """A first stage, such as `Index`."""

    def search(self, query: str, limit: int = 10) -> list[RetrievedDocument]:
        """Return the documents nearest to the query, nearest first."""
        ...


class SecondPass(Protocol):
    """A second stage, such as `CrossEncoderReranker`."""

    def rank(
        self,
        query: str,
        texts: list[str],
        top_k: int | None = 10,
        *,
        min_score: float | None = None,
        fuse: Fuse = "none",
        fuse_weight: float | None = None,
        first_stage_scores: Iterable[float] | None = None,
        budget_ms: float | None = None,
        effort: Effort | None = None,
    ) -> Ranking:
        """Return the best texts, best first. The options are only passed when they are asked for,
        so a second pass of one's own may do without them.
        """
        ...


class EffortOption(TypedDict, total=False):
    """An effort, where one is asked for."""

    effort: Effort


class SearchPipeline:
    """Two stages as one search: `depth` documents are retrieved, all are reranked.

    Args:
        index: the first stage.
        reranker: the second.
        depth: how many documents the second pass scores; 50 to 100 is usual.
        fuse: "none" ranks by the second pass alone, "rrf" and "weighted" by both stages, as
            `CrossEncoderReranker.rerank` describes; the first stage's score is the similarity.
        fuse_weight: what the similarity counts in "weighted".
        effort: how much the second pass spends, by default what the reranker was made with.
    """

    def __init__(
        self,
        index: Retriever,
        reranker: SecondPass,
        depth: int = 100,
        *,
        fuse: Fuse = "none",
        fuse_weight: float | None = None,
        effort: Effort | None = None,
    ) -> None:
        self._index = index
        self._reranker = reranker
        self._depth = integer("depth", depth)
        self._fusion = Fusion.checked(fuse, fuse_weight)
        self._effort = None if effort is None else checked_effort(effort)

    def search(
        self,
        query: str,
        top_k: int | None = 10,
        *,
        min_score: float | None = None,
        budget_ms: float | None = None,
    ) -> SearchResult:
        """Return the `top_k` best documents with both ranks, both scores and the timings.

        Documents that the second pass scores below `min_score` are dropped before `top_k` counts;
        `timings.rerank.dropped` says how many.

        `budget_ms` is what the whole search may take: the second pass has what the first leaves of
        it, and may be left with nothing. `timings.rerank.reranked` says how many were scored.

        Raises:
            InputError: the query is empty, `top_k` is no whole number of at least 1, `min_score`
                no finite number, or `budget_ms` not above 0.
        """
        options = RankOptions(top_k=top_k, min_score=min_score, budget_ms=budget_ms)
        checked_ms = options.budget_ms
        budget = None if checked_ms is None else Budget.start(checked_ms, perf_counter)
        started = perf_counter()
        retrieved = self._index.search(query, limit=self._depth)
        retrieve_ms = (perf_counter() - started) * 1000
        ranking = self._rerank(query, retrieved, top_k, min_score, budget)
        hits = tuple(
            SearchHit(retrieved[hit.index], hit.index + 1, rank, hit)
            for rank, hit in enumerate(ranking, start=1)
        )
        total_ms = (perf_counter() - started) * 1000
        return SearchResult(hits, SearchTimings(retrieve_ms, ranking.timings, total_ms))

    def _rerank(
        self,
        query: str,
        retrieved: list[RetrievedDocument],
        top_k: int | None,
        min_score: float | None,
        budget: Budget | None,
    ) -> Ranking:
        texts = [found.text for found in retrieved]
        fusion = self._fusion
        plain = fusion.rule == "none" and min_score is None
        if plain and budget is None and self._effort is None:
            return self._reranker.rank(query, texts, top_k)
        effort: EffortOption = {} if self._effort is None else {"effort": self._effort}
        weighted = fusion.rule == "weighted"
        return self._reranker.rank(
            query,
            texts,
            top_k,
            min_score=min_score,
            fuse=fusion.rule,
            fuse_weight=fusion.weight,
            first_stage_scores=[found.similarity for found in retrieved] if weighted else None,
            **({} if budget is None else {"budget_ms": max(budget.left_ms(), _NOTHING_MS)}),
            **effort,
        )
