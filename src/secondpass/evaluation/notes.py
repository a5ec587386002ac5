"""Notes to an evaluation: the rules behind its numbers, and everything that was left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from secondpass.evaluation.collection import Collection
from secondpass.evaluation.first_stages.bm25 import DESCRIPTION, has_unspaced
from secondpass.evaluation.first_stages.select import FirstStage
from secondpass.evaluation.measures import Measures
from secondpass.evaluation.rerank import Rescored
from secondpass.evaluation.result import Latency
from secondpass.evaluation.runs import TIE_RULE
from secondpass.stats.percentiles import unsupported

# The number of queries that are named; the JSON names all.
_NAMED = 5


def make_notes(
    collection: Collection,
    stage: FirstStage,
    measures: Measures,
    rescored: Rescored,
    deepest: int,
    latencies: Iterable[Latency | None],
) -> tuple[str, ...]:
    """Return the notes that apply, the rules first."""
    longest = max(map(len, stage.run.values()), default=0)
    notes = [
        f"{TIE_RULE}; a query without results scores zero",
        f"the queries are a seeded choice of {collection.sampled_from:,} judged ones"
        if collection.sampled_from
        else "",
        _grades(collection, measures),
        _missing(collection),
        _queries(collection),
        _unspaced(collection, stage),
        "only the pool of each query's judged candidates is ranked" if collection.pool else "",
        _own_documents(stage),
        _empty(collection, stage),
        f"no query has more than {longest} candidates: depth {deepest} scores no more"
        if longest < deepest
        else "",
        _truncated(rescored),
        _refused(rescored),
        *_withheld(latencies),
    ]
    return tuple(note for note in notes if note)


def _grades(collection: Collection, measures: Measures) -> str:
    if collection.highest_grade < 2 or not measures.binary:
        return ""
    return (
        f"grades go up to {collection.highest_grade}; {', '.join(measures.binary)} count grade 1 "
        "and more as relevant (for another: AP(rel=2))"
    )


def _missing(collection: Collection) -> str:
    missing = collection.judged_missing
    if not missing:
        return ""
    return f"{missing:,} of {collection.judgements:,} judged documents are not in the corpus"


def _queries(collection: Collection) -> str:
    """Say which queries are left out, on either side."""
    unknown = sum(query_id not in collection.queries for query_id in collection.qrels)
    unjudged = len(collection.queries.keys() - collection.qrels.keys())
    if collection.sampled_from:
        unjudged = 0
    said = [
        f"{unknown:,} judged queries are not among the queries" if unknown else "",
        f"{unjudged:,} queries have no judgements and are left out" if unjudged else "",
    ]
    return "; ".join(filter(None, said))


def _unspaced(collection: Collection, stage: FirstStage) -> str:
    judged = (collection.queries.get(query_id, "") for query_id in collection.qrels)
    if DESCRIPTION not in stage.description or not has_unspaced(judged):
        return ""
    return "bm25 takes pairs of characters for words where a script puts no blanks between words"


def _own_documents(stage: FirstStage) -> str:
    dropped = stage.own_documents_dropped
    return f"{dropped} queries found themselves as a document; dropped" if dropped else ""


def _empty(collection: Collection, stage: FirstStage) -> str:
    empty = sum(not stage.run.get(query_id) for query_id in collection.qrels)
    if not empty:
        return ""
    if empty == 1:
        return "1 judged query has no candidates and scores zero"
    return f"{empty} judged queries have no candidates and score zero"


def _truncated(rescored: Rescored) -> str:
    if not rescored.truncated:
        return ""
    total = sum(map(len, rescored.scores.values()))
    return f"{rescored.truncated:,} of {total:,} texts did not fit --max-length and were cut"


def _refused(rescored: Rescored) -> str:
    if not rescored.refused:
        return ""
    named = list(rescored.refused)[:_NAMED]
    more = ", …" if len(rescored.refused) > _NAMED else ""
    return (
        f"{len(rescored.refused)} queries were not reranked and keep the first stage's order: "
        f"{', '.join(named)}{more} ({rescored.refused[named[0]]})"
    )


def _withheld(latencies: Iterable[Latency | None]) -> Iterator[str]:
    """Say of each number of timed queries which percentiles it is too small for."""
    for queries in sorted({latency.queries for latency in latencies if latency}):
        for percent in (50, 95):
            yield unsupported(percent, queries)
