"""BM25 by bm25s with its own settings: Lucene's formula, English stop words, no stemming.

Of scripts that put no blanks between words, pairs of characters are the words, as in Lucene's
CJKAnalyzer, and single characters too, so that a query of one finds something.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from itertools import pairwise
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from secondpass.errors import MissingExtraError
from secondpass.evaluation.collection import Collection
from secondpass.evaluation.runs import Ranked, Run, top
from secondpass.retrieval.terms import STOP_WORDS, UNSPACED, marks_of_letters

_UNSPACED = re.compile(f"([{UNSPACED}]+)")
# bm25s's own words, of two characters and more.
_ASCII_WORD = re.compile(r"\w{2,}", re.ASCII)

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
    texts = [tokens(text, single=True) for text in collection.documents.values()]
    # bm25s cannot index a corpus without a single word; no query shares one with it.
    has_words = any(texts)
    retriever = bm25s.BM25()
    if has_words:
        retriever.index(texts, show_progress=False)

    def best(query_id: str) -> tuple[Ranked, ...]:
        advance(1)
        words = tokens(collection.queries[query_id])
        scores: NDArray[np.float32] = (
            retriever.get_scores(words) if words and has_words else np.zeros(len(ids), np.float32)
        )
        if collection.pool is None:
            return top(scores, ids, limit, np.flatnonzero(scores > 0))
        pool = sorted(row[id_] for id_ in collection.pool.get(query_id, ()) if id_ in row)
        return top(scores, ids, limit, np.array(pool, np.intp))

    return {id_: best(id_) for id_ in collection.qrels if id_ in collection.queries}


def tokens(text: str, *, single: bool = False) -> list[str]:
    """Return the words of a text; of a script without blanks, the pairs of its characters.

    A run of one character is itself a word; with `single` each character is one, beside the pairs.
    """
    words = list[str]()
    text = text.lower()
    if text.isascii():
        return [word for word in _ASCII_WORD.findall(text) if word not in STOP_WORDS]
    for part in _UNSPACED.split(normalize("NFC", text)):
        if _UNSPACED.fullmatch(part):
            words += map("".join, pairwise(part))
            words += part if single or len(part) == 1 else ()
        else:
            words += (word for word in _any_word().findall(part) if word not in STOP_WORDS)
    return words


def has_unspaced(texts: Iterable[str]) -> bool:
    """Tell whether a text has characters of a script that puts no blanks between words."""
    return any(_UNSPACED.search(text) for text in texts)


@cache
def _any_word() -> re.Pattern[str]:
    """Return what finds those words in every script, with the marks that are part of a letter."""
    return re.compile(rf"[\w{marks_of_letters()}]{{2,}}")
