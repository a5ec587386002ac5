"""How near each sentence of the candidates is to the query: by its words or by its embedding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.selection.sentences import Sentences
from secondpass.retrieval.embedder import Embedder
from secondpass.scoring.select.nearness import idf_of, nearness, summed, words_of

# One list of merits for each candidate, one merit for each of its sentences.
Merits = list[list[float]]


def by_idf(query: str, texts: Sequence[Sentences]) -> Merits:
    """Return the sum of the idf of the query's words that a sentence holds, each word once.

    idf = log(1 + (n - df + 0.5) / (df + 0.5)), Lucene's, over the candidates of the query.
    """
    wanted = words_of(query)
    held = [[words_of(sentence) & wanted for sentence in text.texts] for text in texts]
    idf = idf_of([set().union(*sentences) for sentences in held])
    return [[summed(words, idf) for words in sentences] for sentences in held]


def by_own_idf(query: str, texts: Sequence[Sentences]) -> Merits:
    """Return the same with the idf over the text's own sentences: long_documents="select"."""
    return [nearness(words_of(query), text.texts) for text in texts]


def by_bm25(query: str, texts: Sequence[Sentences]) -> Merits:
    """Return BM25 with the sentences of all candidates as its collection."""
    import bm25s

    def words(of: Sequence[str]) -> list[list[str]]:
        return bm25s.tokenize(of, stopwords="english", return_ids=False, show_progress=False)

    tokens = words(_flat(texts))
    (wanted,) = words([query])
    scores = np.zeros(len(tokens))
    if any(tokens) and wanted:
        retriever = bm25s.BM25()
        retriever.index(tokens, show_progress=False)
        scores = retriever.get_scores(wanted)
    return _per_text(scores, texts)


def by_own_bm25(query: str, texts: Sequence[Sentences]) -> Merits:
    """Return BM25 with the text's own sentences as its collection."""
    return [merits for text in texts for merits in by_bm25(query, [text])]


def by_embedding(query: str, texts: Sequence[Sentences], embedder: Embedder) -> Merits:
    """Return the cosine of query and sentence by the bi-encoder."""
    flat = _flat(texts)
    cosines = embedder.embed(flat) @ embedder.embed([query])[0] if flat else np.zeros(0)
    return _per_text(cosines, texts)


def _flat(texts: Sequence[Sentences]) -> list[str]:
    return [sentence for text in texts for sentence in text.texts]


def _per_text(values: NDArray[np.floating], texts: Sequence[Sentences]) -> Merits:
    ends = np.cumsum([len(text.texts) for text in texts])
    return [part.tolist() for part in np.split(np.asarray(values, np.float64), ends[:-1])]
