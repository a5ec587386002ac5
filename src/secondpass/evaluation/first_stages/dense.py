"""Dense retrieval: the bi-encoder's vectors, every one compared with the query's."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from secondpass.atomic import replacing
from secondpass.evaluation.collection import Collection
from secondpass.evaluation.first_stages.top import top
from secondpass.evaluation.runs import Ranked, Run
from secondpass.progress import ProgressBar, silent
from secondpass.retrieval.contract import TextEmbedder, Vectors, embed_checked


def dense_run(
    collection: Collection,
    embedder: TextEmbedder,
    *,
    limit: int,
    cache_dir: Path,
    progress: ProgressBar = silent,
) -> Run:
    """Return the `limit` nearest documents of each judged query by cosine."""
    ids = list(collection.documents)
    vectors = corpus_vectors(collection, embedder, cache_dir, progress)
    query_ids = [id_ for id_ in collection.qrels if collection.queries.get(id_, "").strip()]
    queries = embed_checked(embedder, [collection.queries[id_] for id_ in query_ids])
    row = {id_: at for at, id_ in enumerate(ids)}

    def nearest(query_id: str, query: Vectors) -> tuple[Ranked, ...]:
        pool = None if collection.pool is None else collection.pool.get(query_id, frozenset())
        allowed = range(len(ids)) if pool is None else sorted(row[id_] for id_ in pool & row.keys())
        return top(vectors @ query, ids, limit, np.fromiter(allowed, np.intp))

    return {
        query_id: nearest(query_id, query)
        for query_id, query in zip(query_ids, queries, strict=True)
    }


def corpus_vectors(
    collection: Collection, embedder: TextEmbedder, cache_dir: Path, progress: ProgressBar
) -> Vectors:
    """Embed the corpus, or take its vectors from the cache: they are most of the work."""
    name = f"{collection.corpus_sha256[:16]}-{embedder.digest[:16]}.npy"
    file = cache_dir / "eval" / name
    if file.exists():
        kept: Vectors = np.load(file, allow_pickle=False)
        return kept
    texts = list(collection.documents.values())
    with progress("embedding documents", len(texts)) as advance:
        vectors = embed_checked(embedder, texts, advance)
    with replacing(file) as written:
        np.save(written, vectors)
    return vectors
