"""SearchPipeline: retrieve with the bi-encoder, rerank with the cross-encoder, time both."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, runtime_checkable

from secondpass.checks import integer, one_of, with_members
from secondpass.deadline.budget import Budget, Now
from secondpass.errors import Argument, InputError
from secondpass.options.call import LongQuery, RankOptions
from secondpass.options.effort import Effort, checked_effort
from secondpass.options.fusion import PAIR_FUSION, Fuse, Fusion
from secondpass.options.mode import MODES, Mode
from secondpass.options.model import ACCURATE, BI_ENCODER, CROSS_ENCODER
from secondpass.types import Ranking, RetrievedDocument, SearchHit, SearchResult, SearchTimings

if TYPE_CHECKING:
    from secondpass.retrieval.stores.filters import Filter

# A budget must be above 0; this is too small to score anything.
_NOTHING_MS = 1e-3


class Retriever(Protocol):
    """A first stage."""

    def search(self, query: str, limit: int = 10) -> list[RetrievedDocument]:
        """Return the documents nearest to the query, nearest first.

        `where` is passed as well if a search is asked for one.
        """
        ...


@runtime_checkable
class VectorRetriever(Protocol):
    """A first stage whose search has two halves, such as `Index`; they are timed apart."""

    def embed_query(self, query: str) -> Any:
        """Return the query's vector."""
        ...

    def search_vector(self, vector: Any, limit: int = 10) -> list[RetrievedDocument]:
        """Return the documents nearest to the vector, nearest first."""
        ...


@runtime_checkable
class TermRetriever(VectorRetriever, Protocol):
    """A first stage that has the modes "bm25" and "hybrid" as well, such as `Index`."""

    def search_terms(
        self, query: str, limit: int = 10, *, where: str | Filter | None = None
    ) -> list[RetrievedDocument]:
        """Return the documents with words of the query, best first."""
        ...

    def search_hybrid(
        self, query: str, vector: Any, limit: int = 10, *, where: str | Filter | None = None
    ) -> list[RetrievedDocument]:
        """Return the best documents by vector and by terms, best first."""
        ...


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What a first stage found, and its milliseconds; both halves are None where it has none."""

    documents: list[RetrievedDocument]
    retrieve_ms: float
    embed_ms: float | None = None
    search_ms: float | None = None


def retrieve(
    first: Retriever,
    query: str,
    limit: int,
    now: Now = perf_counter,
    *,
    mode: Mode = "dense",
    where: str | Filter | None = None,
) -> Retrieved:
    """Run a first stage for one query and time it.

    `where` is only passed on where it is given: a first stage of one's own may do without it.

    Raises:
        InputError: the first stage has no such mode.
    """
    asked: dict[str, Any] = {} if where is None else {"where": where}
    started = now()
    if mode == "bm25":
        documents = with_terms(first, mode).search_terms(query, limit, **asked)
        return Retrieved(documents, (now() - started) * 1000)
    if not isinstance(first, VectorRetriever):
        documents = first.search(query, limit=limit, **asked)
        return Retrieved(documents, (now() - started) * 1000)
    vector = first.embed_query(query)
    embedded = now()
    if mode == "hybrid":
        documents = with_terms(first, mode).search_hybrid(query, vector, limit, **asked)
    else:
        documents = first.search_vector(vector, limit, **asked)
    ended = now()
    return Retrieved(
        documents,
        (ended - started) * 1000,
        (embedded - started) * 1000,
        (ended - embedded) * 1000,
    )


def with_terms(first: Retriever, mode: Mode) -> TermRetriever:
    """Return a first stage that has a mode other than "dense".

    Raises:
        InputError: it has none.
    """
    if isinstance(first, TermRetriever):
        return first
    raise InputError(
        Argument("mode", mode),
        f" needs a first stage with `search_terms` and `search_hybrid`, such as Index, and "
        f"{type(first).__name__} has none: leave ",
        Argument("mode"),
        " out",
    )


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
        long_query: LongQuery = "error",
        effort: Effort | None = None,
    ) -> Ranking:
        """Return the best texts, best first. The options are only passed when they are asked for,
        so a second pass of one's own may do without them.
        """
        ...


class MoreOptions(TypedDict, total=False):
    """What is passed on where it is asked for."""

    effort: Effort
    long_query: LongQuery


def default_fusion(index: Retriever, reranker: SecondPass, mode: Mode = "dense") -> Fusion:
    """Return the fusion of a search where none is asked for.

    The embedded models were measured together, so their weight is known; of other models, and of
    BM25 alone, nobody knows whether the first stage's score adds anything.
    """
    if mode == "bm25":
        return Fusion()
    return fusion_of(
        getattr(getattr(index, "embedder", None), "name", None),
        getattr(getattr(reranker, "info", None), "name", None),
    )


def fusion_of(first: str | None, second: str | None) -> Fusion:
    """Return the default fusion of a bi-encoder and a cross-encoder, by their names."""
    if first == BI_ENCODER and second in (CROSS_ENCODER, ACCURATE):
        return PAIR_FUSION
    return Fusion()


class SearchPipeline:
    """Two stages as one search: `depth` documents are retrieved, all are reranked.

    Args:
        index: the first stage.
        reranker: the second.
        depth: how many documents the second pass scores; 50 to 100 is usual.
        fuse: by default "weighted" for the embedded pair and "none" for other models. "none" ranks
            by the second pass alone, "rrf" and "weighted" by both stages, as
            `CrossEncoderReranker.rerank` describes; the first stage's score is the similarity, or
            what the mode ranks by.
        fuse_weight: what the first stage's score counts in "weighted"; by default 0.5 for the
            embedded pair, and 2 if the query has over 300 characters.
        effort: how much the second pass spends, by default what the reranker was made with.
        mode: how the index is searched, by default "dense"; else "bm25" or "hybrid", as
            `Index.search` describes. Reranked, no difference of hybrid to dense is certain.
        now: returns seconds since some moment; the timings and a budget go by it.
    """

    def __init__(
        self,
        index: Retriever,
        reranker: SecondPass,
        depth: int = 100,
        *,
        fuse: Fuse | None = None,
        fuse_weight: float | None = None,
        effort: Effort | None = None,
        mode: Mode | None = None,
        now: Now = perf_counter,
    ) -> None:
        with_members("index", index, ("search",), "a first stage, such as Index")
        expected = "a second stage, such as CrossEncoderReranker()"
        with_members("reranker", reranker, ("rank",), expected)
        self._index = index
        self._reranker = reranker
        self._depth = integer("depth", depth)
        self._mode: Mode = "dense" if mode is None else one_of("mode", mode, MODES)
        if self._mode != "dense":
            with_terms(index, self._mode)
        self._fusion = (
            default_fusion(index, reranker, self._mode)
            if fuse is None and fuse_weight is None
            else Fusion.checked("weighted" if fuse is None else fuse, fuse_weight)
        )
        self._effort = None if effort is None else checked_effort(effort)
        self._now = now

    def search(
        self,
        query: str,
        top_k: int | None = 10,
        *,
        min_score: float | None = None,
        budget_ms: float | None = None,
        long_query: LongQuery = "error",
        where: str | Filter | None = None,
    ) -> SearchResult:
        """Return the `top_k` best documents with both ranks, both scores and the timings.

        Documents that the second pass scores below `min_score` are dropped before `top_k` counts;
        `timings.rerank.dropped` says how many.

        `budget_ms` is what the whole search may take: the second pass has what the first leaves of
        it, and may be left with nothing. `timings.rerank.reranked` says how many were scored.
        `long_query` "truncate" cuts the second pass's query as `rerank` does;
        `timings.rerank.query_dropped_tokens` says of how many tokens.

        `where` is a condition over the index's declared columns, such as `"year >= 2020"`: only
        documents of which it is true are searched.

        Raises:
            InputError: the query is empty, `top_k` is not an integer of at least 1, `min_score` not
                a finite number, `budget_ms` not above 0, or `where` not a condition over declared
                columns.
        """
        options = RankOptions(
            top_k=top_k, min_score=min_score, budget_ms=budget_ms, long_query=long_query
        )
        checked_ms = options.budget_ms
        budget = None if checked_ms is None else Budget.start(checked_ms, self._now)
        started = self._now()
        found = retrieve(self._index, query, self._depth, self._now, mode=self._mode, where=where)
        ranking = self._rerank(query, found.documents, options, budget)
        hits = tuple(
            SearchHit(found.documents[hit.index], hit.index + 1, rank, hit)
            for rank, hit in enumerate(ranking, start=1)
        )
        timings = SearchTimings(
            retrieve_ms=found.retrieve_ms,
            rerank=ranking.timings,
            total_ms=(self._now() - started) * 1000,
            embed_ms=found.embed_ms,
            search_ms=found.search_ms,
        )
        return SearchResult(hits, timings)

    def _rerank(
        self,
        query: str,
        retrieved: list[RetrievedDocument],
        options: RankOptions,
        budget: Budget | None,
    ) -> Ranking:
        texts = [found.text for found in retrieved]
        fusion = self._fusion.of(query)
        top_k, min_score = options.top_k, options.min_score
        more: MoreOptions = {} if self._effort is None else {"effort": self._effort}
        if options.long_query != "error":
            more["long_query"] = options.long_query
        plain = fusion.rule == "none" and min_score is None
        if plain and budget is None and not more:
            return self._reranker.rank(query, texts, top_k)
        weighted = fusion.rule == "weighted"
        return self._reranker.rank(
            query,
            texts,
            top_k,
            min_score=min_score,
            fuse=fusion.rule,
            fuse_weight=fusion.weight,
            first_stage_scores=[found.score for found in retrieved] if weighted else None,
            **({} if budget is None else {"budget_ms": max(budget.left_ms(), _NOTHING_MS)}),
            **more,
        )
