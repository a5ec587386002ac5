"""What both stages give for the first queries, so that a record can be checked for order."""

from __future__ import annotations

from collections.abc import Sequence

from secondpass.bench.clock import Clock
from secondpass.bench.stages import FirstStage, Retrieved
from secondpass.facts.outputs import Outputs, RankedQuery, StageOutput
from secondpass.pipeline import SecondPass

QUERIES = 5


def observe(
    first: FirstStage, second: SecondPass, queries: Sequence[str], depth: int, clock: Clock
) -> Outputs:
    """Run the first few distinct queries again, untimed, and keep every candidate's place."""
    chosen = list(dict.fromkeys(queries))[:QUERIES]
    retrieved = {query: first.retrieve(query, depth, clock) for query in chosen}
    dense = tuple(
        RankedQuery(query, tuple(found.ids), tuple(found.similarities))
        for query, found in retrieved.items()
        if found.similarities
    )
    reranked = tuple(_reranked(second, query, found) for query, found in retrieved.items())
    stages = [StageOutput("dense", "bi-encoder", dense)] if dense else []
    rerank = StageOutput("rerank", "cross-encoder", reranked, "dense" if dense else None)
    return Outputs((*stages, rerank))


def _reranked(second: SecondPass, query: str, found: Retrieved) -> RankedQuery:
    hits = second.rank(query, list(found.texts), None)
    return RankedQuery(
        query, tuple(found.ids[hit.index] for hit in hits), tuple(hit.known_score for hit in hits)
    )
