"""Dense retrieval: the bi-encoder's vectors, every one compared with the query's."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from secondpass.evaluation.collection import Collection
from secondpass.evaluation.first_stages.kept_vectors import PART, KeptVectors
from secondpass.evaluation.runs import Ranked, Run, in_trec_order
from secondpass.progress import ProgressBar, silent
from secondpass.retrieval.contract import (
    TextEmbedder,
    embed_checked,
    identity_of,
    queries_checked,
)
from secondpass.retrieval.stores.contract import (
    TERMS,
    EmbedderIdentity,
    Rows,
    StoreIdentity,
    Vectors,
)
from secondpass.retrieval.stores.memory import MemoryStore
from secondpass.retrieval.stores.ties import with_last_ties
from secondpass.retrieval.terms import TERMS_IDENTITY, document_terms


def dense_run(
    collection: Collection,
    embedder: TextEmbedder,
    *,
    limit: int,
    cache_dir: Path,
    progress: ProgressBar = silent,
) -> Run:
    """Return the `limit` nearest documents of each judged query by cosine."""
    vectors = corpus_vectors(collection, embedder, cache_dir, progress)
    store = corpus_store(collection, identity_of(embedder), vectors)

    def nearest(query_id: str, query: Vectors) -> tuple[Ranked, ...]:
        pool = None if collection.pool is None else collection.pool.get(query_id, frozenset())
        # With all that equal the last one, so that trec_eval's rule decides and not the store's.
        found = with_last_ties(lambda asked: store.nearest(query, asked, among=pool), limit)
        return in_trec_order(Ranked(row.id, row.score) for row in found)[:limit]

    return {
        query_id: nearest(query_id, query)
        for query_id, query in embedded_queries(collection, embedder).items()
    }


def embedded_queries(collection: Collection, embedder: TextEmbedder) -> dict[str, Vectors]:
    """Return the vector of each judged query that is not empty."""
    ids = [id_ for id_ in collection.qrels if collection.queries.get(id_, "").strip()]
    vectors = queries_checked(embedder, [collection.queries[id_] for id_ in ids])
    return dict(zip(ids, vectors, strict=True))


def corpus_store(
    collection: Collection, embedder: EmbedderIdentity, vectors: Vectors, *, terms: bool = False
) -> MemoryStore:
    """Return a store of the corpus; it keeps no texts, for a run has none, and terms if asked."""
    store = MemoryStore(StoreIdentity(embedder, TERMS_IDENTITY if terms else {}))
    blank = [""] * len(vectors)
    ids = list(collection.documents)
    features = {}
    if terms:
        features[TERMS] = [document_terms(text) for text in collection.documents.values()]
    store.write([Rows(ids, blank, blank, blank, blank, vectors, features)], replace=False)
    return store


def corpus_vectors(
    collection: Collection, embedder: TextEmbedder, cache_dir: Path, progress: ProgressBar
) -> Vectors:
    """Embed the corpus, or take its vectors from the cache: they are most of the work.

    They are kept part by part, so that a run that is interrupted is gone on with.
    """
    texts = list(collection.documents.values())
    name = f"{collection.corpus_sha256[:16]}-{embedder.digest[:16]}"
    kept = KeptVectors(cache_dir / "eval", name, embedder.dimension)
    parts: list[Vectors] = []
    with progress("embedding documents", len(texts)) as advance:
        for start in range(0, len(texts), PART):
            part = texts[start : start + PART]
            vectors = kept.part(start, len(part))
            if vectors is None:
                vectors = embed_checked(embedder, part, advance)
                kept.keep(start, vectors)
            else:
                advance(len(part))
            parts.append(vectors)
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
