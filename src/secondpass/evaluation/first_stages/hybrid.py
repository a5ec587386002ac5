"""What an index finds in the modes "hybrid", by vectors and by terms, and "bm25"."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from secondpass.evaluation.collection import Collection
from secondpass.evaluation.first_stages.dense import corpus_store, corpus_vectors, embedded_queries
from secondpass.evaluation.runs import Ranked, Run, in_trec_order
from secondpass.progress import ProgressBar, silent
from secondpass.retrieval.contract import TextEmbedder, identity_of
from secondpass.retrieval.hybrid import WEIGHT, hybrid
from secondpass.retrieval.stores.contract import EmbedderIdentity, Vectors
from secondpass.retrieval.terms import query_terms

DESCRIPTION = f"z(similarity) + {WEIGHT:g} z(BM25)"


def hybrid_run(
    collection: Collection,
    embedder: TextEmbedder,
    *,
    limit: int,
    cache_dir: Path,
    progress: ProgressBar = silent,
) -> Run:
    """Return the `limit` best documents of each judged query by vectors and terms.

    The z-scores are over what both searches find, each `limit` documents.
    """
    vectors = corpus_vectors(collection, embedder, cache_dir, progress)
    store = corpus_store(collection, identity_of(embedder), vectors, terms=True)

    def best(query_id: str, query: Vectors) -> tuple[Ranked, ...]:
        pool = None if collection.pool is None else sorted(collection.pool.get(query_id, ()))
        terms = query_terms(collection.queries[query_id])
        found = hybrid(store, query, terms, limit, among=pool)
        return in_trec_order(Ranked(row.id, score) for row, score in found)

    return {
        query_id: best(query_id, query)
        for query_id, query in embedded_queries(collection, embedder).items()
    }


def terms_run(collection: Collection, *, limit: int) -> Run:
    """Return the `limit` documents of each judged query with the highest BM25.

    The statistics are an index's own; `bm25_run` is bm25s.
    """
    nothing = np.ones((len(collection.documents), 1), np.float32)
    store = corpus_store(collection, EmbedderIdentity("", "", 1), nothing, terms=True)

    def best(query_id: str) -> tuple[Ranked, ...]:
        pool = None if collection.pool is None else sorted(collection.pool.get(query_id, ()))
        found = store.matching(query_terms(collection.queries[query_id]), limit, among=pool)
        return in_trec_order(Ranked(row.id, row.score) for row in found)

    return {id_: best(id_) for id_ in collection.qrels if id_ in collection.queries}
