"""A search by vectors and one by terms as one ranking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from secondpass.retrieval.stores.contract import FoundRow, Terms, Vectors, VectorStore
from secondpass.retrieval.stores.filters import Filter
from secondpass.scoring.fusion import z_scores

# Each search finds at least as many rows as this, however few are asked for.
LEAST = 100
# What BM25's z-score counts beside the similarity's: with it no development collection is worse
# than by vectors alone (docs/results/quality.md).
WEIGHT = 0.3


def hybrid(
    store: VectorStore,
    vector: Vectors,
    terms: Terms,
    limit: int,
    *,
    among: Sequence[str] | None = None,
    where: Filter | None = None,
) -> list[tuple[FoundRow, float]]:
    """Return the best rows of both searches with their fused scores, best first, ties by id.

    Each row has its similarity and its BM25, whichever search found it, 0 where it has none of the
    terms. A row is scored by z(similarity) + 0.3 z(BM25), z-scores over all rows that were found.
    """
    depth = max(limit, LEAST)
    near = store.nearest(vector, depth, among=among, where=where)
    matching = store.matching(terms, depth, among=among, where=where)
    rows = _with_both(
        near,
        matching,
        lambda ids: store.nearest(vector, len(ids), among=ids),
        lambda ids: store.matching(terms, len(ids), among=ids),
    )
    scores = fused([_number(row.similarity) for row in rows], [_number(row.bm25) for row in rows])
    order = sorted(range(len(rows)), key=lambda at: (-scores[at], rows[at].id))
    return [(rows[at], scores[at]) for at in order[:limit]]


def fused(similarities: Sequence[float], bm25: Sequence[float]) -> list[float]:
    """Return the score of each row of one search."""
    both = z_scores(np.array(similarities)) + WEIGHT * z_scores(np.array(bm25))
    scores: list[float] = both.tolist()
    return scores


def _with_both(
    near: Sequence[FoundRow],
    matching: Sequence[FoundRow],
    nearest_among: Callable[[list[str]], list[FoundRow]],
    matching_among: Callable[[list[str]], list[FoundRow]],
) -> list[FoundRow]:
    """Return the rows of both searches, each with both scores.

    A row that another process deletes between the searches is left out.
    """
    rows = {row.id: row for row in near}
    bm25 = {row.id: row.bm25 for row in matching}
    if not_near := [id_ for id_ in bm25 if id_ not in rows]:
        rows.update((row.id, row) for row in nearest_among(not_near))
    if not_matching := [id_ for id_ in rows if id_ not in bm25]:
        bm25.update((row.id, row.bm25) for row in matching_among(not_matching))
    return [replace(row, bm25=bm25.get(row.id, 0.0)) for row in rows.values()]


def _number(score: float | None) -> float:
    assert score is not None
    return score
