"""Reranks the top of a run, and gives the run at any depth from the scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from secondpass.checks import shortened
from secondpass.errors import InputError
from secondpass.evaluation.collection import Collection
from secondpass.evaluation.runs import Ranked, Run, in_trec_order
from secondpass.types import Scores


class TextScorer(Protocol):
    """What scores texts, such as `CrossEncoderReranker`."""

    def score(self, query: str, texts: list[str]) -> Scores:
        """Return every text's numbers, in the order of the texts."""
        ...


@dataclass(slots=True)
class Rescored:
    """The second pass's scores, filled query by query.

    `scores` holds a query's candidates in the first stage's order, each with its score, `logits`
    what the model gave before its activation; `refused` holds why a query was not reranked; `done`
    lists all that were looked at, in order.
    """

    complete: bool = False
    done: list[str] = field(default_factory=list)
    scores: dict[str, tuple[Ranked, ...]] = field(default_factory=dict)
    logits: dict[str, tuple[float, ...]] = field(default_factory=dict)
    times_ms: dict[str, float] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    truncated: int = 0


def rescore(
    collection: Collection,
    run: Run,
    reranker: TextScorer,
    depth: int,
    advance: Callable[[int], None],
) -> Rescored:
    """Score the top `depth` of each judged query. An interrupt ends it early, marked incomplete.

    A query that the reranker refuses, such as one that leaves no room for a text, is kept apart
    with the reason; so is one without a text.

    Raises:
        InputError: a candidate has no text in the collection, or every query was refused.
    """
    found = Rescored()
    try:
        for query_id in collection.qrels:
            _rescore_query(found, query_id, collection, run.get(query_id, ())[:depth], reranker)
            advance(1)
        found.complete = True
    except KeyboardInterrupt:
        if not found.done:
            raise
    if found.refused and not found.scores:
        query_id, reason = next(iter(found.refused.items()))
        raise InputError(f"no query can be reranked; query {query_id}: {reason}")
    return found


def candidate_texts(collection: Collection, candidates: Sequence[Ranked]) -> list[str]:
    """Return the candidates' texts, or raise an InputError that names one without."""
    for one in candidates:
        if one.document_id not in collection.documents:
            raise InputError(
                f"candidate {shortened(one.document_id)} is not among the "
                f"{len(collection.documents)} documents of {collection.name}: run and "
                "collection do not belong together"
            )
    return [collection.documents[one.document_id] for one in candidates]


def at_depth(run: Run, scores: Mapping[str, tuple[Ranked, ...]], depth: int) -> Run:
    """Return the run as it is when the top `depth` are reranked.

    The documents below keep the first stage's order, under the reranked ones: their scores go down
    in steps of one from the lowest of these, so that trec_eval reads the same order.
    """
    return {
        query_id: _reordered(ranked, scores[query_id][:depth]) if query_id in scores else ranked
        for query_id, ranked in run.items()
    }


def _reordered(ranked: tuple[Ranked, ...], scored: tuple[Ranked, ...]) -> tuple[Ranked, ...]:
    if not scored:
        return ranked
    lowest = min(one.score for one in scored)
    below = tuple(
        Ranked(one.document_id, lowest - step)
        for step, one in enumerate(ranked[len(scored) :], start=1)
    )
    return in_trec_order(scored) + below


def _rescore_query(
    found: Rescored,
    query_id: str,
    collection: Collection,
    candidates: Sequence[Ranked],
    reranker: TextScorer,
) -> None:
    texts = candidate_texts(collection, candidates)
    if query_id not in collection.queries:
        found.refused[query_id] = "it has judgements but no text"
    elif texts:
        try:
            scores = reranker.score(collection.queries[query_id], texts)
        except InputError as error:
            found.refused[query_id] = str(error)
        else:
            _keep(found, query_id, candidates, scores)
    found.done.append(query_id)


def _keep(found: Rescored, query_id: str, candidates: Sequence[Ranked], scores: Scores) -> None:
    found.scores[query_id] = tuple(
        Ranked(candidate.document_id, score)
        for candidate, score in zip(candidates, scores.scores.tolist(), strict=True)
    )
    found.logits[query_id] = tuple(scores.logits.tolist())
    found.times_ms[query_id] = scores.timings.total_ms
    found.truncated += scores.timings.truncated
