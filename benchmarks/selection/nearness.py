"""How near each sentence of the candidates is to the query: by its words or by its embedding."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.selection.sentences import Sentences
from secondpass.retrieval.embedder import Embedder

# One list of merits for each candidate, one merit for each of its sentences.
Merits = list[list[float]]


def by_idf(query: str, texts: Sequence[Sentences]) -> Merits:
    """Return the sum of the idf of the query's words that a sentence holds, each word once.

    idf = log(1 + (n - df + 0.5) / (df + 0.5)), Lucene's, over the candidates of the query.
    """
    held = [_held(query, text) for text in texts]
    idf = _idf([set().union(*sentences) for sentences in held])
    return [_sums(sentences, idf) for sentences in held]


def by_own_idf(query: str, texts: Sequence[Sentences]) -> Merits:
    """Return the same with the idf over the text's own sentences.

    It is of query and text alone, so a score cache could keep what is read by it.
    """
    held = [_held(query, text) for text in texts]
    return [_sums(sentences, _idf(sentences)) for sentences in held]


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


def by_embedding(query: str, texts: Sequence[Sentences], embedder: Embedder) -> Merits:
    """Return the cosine of query and sentence by the bi-encoder."""
    flat = _flat(texts)
    cosines = embedder.embed(flat) @ embedder.embed([query])[0] if flat else np.zeros(0)
    return _per_text(cosines, texts)


def _held(query: str, text: Sentences) -> list[set[str]]:
    """Return the query's words in each sentence."""
    wanted = _words(query)
    return [_words(sentence) & wanted for sentence in text.texts]


def _idf(held: Sequence[set[str]]) -> dict[str, float]:
    counts = Counter(word for words in held for word in words)
    return {word: math.log(1 + (len(held) - n + 0.5) / (n + 0.5)) for word, n in counts.items()}


def _sums(held: Sequence[set[str]], idf: Mapping[str, float]) -> list[float]:
    return [sum(idf[word] for word in sorted(words)) for words in held]


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def _flat(texts: Sequence[Sentences]) -> list[str]:
    return [sentence for text in texts for sentence in text.texts]


def _per_text(values: NDArray[np.floating], texts: Sequence[Sentences]) -> Merits:
    ends = np.cumsum([len(text.texts) for text in texts])
    return [part.tolist() for part in np.split(np.asarray(values, np.float64), ends[:-1])]
