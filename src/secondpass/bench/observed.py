"""What both stages give for the first queries, so that a record can be checked for order."""

from __future__ import annotations

from collections.abc import Sequence

from secondpass.pipeline import SearchPipeline
from secondpass.types import SearchHit
from secondpass.verify.outputs import Outputs, RankedQuery, StageOutput

QUERIES = 5


def observe(pipeline: SearchPipeline, queries: Sequence[str], *, dense: bool) -> Outputs:
    """Run the first few distinct queries again, untimed, and keep every candidate's place.

    `dense` says whether the first stage is one; fixed candidates are not kept as its output.
    """
    chosen = list(dict.fromkeys(queries))[:QUERIES]
    results = {query: pipeline.search(query, top_k=None).hits for query in chosen}
    rerank = tuple(reranked(query, hits) for query, hits in results.items())
    first = tuple(retrieved(query, hits) for query, hits in results.items() if hits)
    return Outputs(
        (
            *([StageOutput("dense", "bi-encoder", first)] if dense and first else []),
            StageOutput("rerank", "cross-encoder", rerank, "dense" if dense and first else None),
        )
    )


def retrieved(query: str, hits: Sequence[SearchHit]) -> RankedQuery:
    """Return what the first stage gave, in its order; `query` names the query."""
    found = [hit.document for hit in sorted(hits, key=lambda hit: hit.first_rank)]
    return RankedQuery(
        query,
        tuple(document.id for document in found),
        tuple(document.score for document in found),
    )


def reranked(query: str, hits: Sequence[SearchHit]) -> RankedQuery:
    """Return what the second stage gave, best first."""
    scores = tuple(hit.score for hit in hits if hit.score is not None)
    return RankedQuery(query, tuple(hit.document.id for hit in hits), scores)
