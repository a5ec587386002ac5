"""BM25 by bm25s with its own settings: Lucene's formula, English stop words, no stemming."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondpass.errors import MissingExtraError
from secondpass.evaluation.collection import Collection
from secondpass.evaluation.runs import Ranked, Run, top

DESCRIPTION = "bm25 (bm25s, Lucene's formula, k1 1.5, b 0.75, English stop words, no stemming)"


def bm25_run(
    collection: Collection, *, limit: int, advance: Callable[[int], None] = lambda _: None
) -> Run:
    """Return the `limit` best documents of each judged query that share a word with it.

    In a pool every document is ranked, also one that shares no word. `advance` is called with the
    number of queries just done.

    Raises:
        MissingExtraError: bm25s is not installed.
    """
    try:
        import bm25s
    except ImportError as error:
        raise MissingExtraError("--first-stage bm25", "measure") from error
    ids = list(collection.documents)
    row = {id_: at for at, id_ in enumerate(ids)}
    texts = _words(list(collection.documents.values()))
    # bm25s cannot index a corpus without a single word; no query shares one with it.
    has_words = any(texts)
    retriever = bm25s.BM25()
    if has_words:
        retriever.index(texts, show_progress=False)

    def best(query_id: str) -> tuple[Ranked, ...]:
        advance(1)
        (words,) = _words([collection.queries[query_id]])
        scores: NDArray[np.float32] = (
            retriever.get_scores(words) if words and has_words else np.zeros(len(ids), np.float32)
        )
        if collection.pool is None:
            return top(scores, ids, limit, np.flatnonzero(scores > 0))
        pool = sorted(row[id_] for id_ in collection.pool.get(query_id, ()) if id_ in row)
        return top(scores, ids, limit, np.array(pool, np.intp))

    return {id_: best(id_) for id_ in collection.qrels if id_ in collection.queries}


def _words(texts: list[str]) -> Any:
    import bm25s

    return bm25s.tokenize(texts, stopwords="english", return_ids=False, show_progress=False)
