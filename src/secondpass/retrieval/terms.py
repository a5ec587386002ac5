"""A text's terms: what BM25 counts, in every script.

A term is a word without its case and without Unicode's compatibility forms. Scripts that put no
blanks between words have no words that a program finds without a dictionary, and two dictionaries
part a text in two ways; so there each pair of neighbouring characters is a term, as in Lucene's
CJKAnalyzer, and in documents each character too: a query of one character finds something.

Nothing is stemmed, and a document keeps its stop words: a query drops them, unless it has no others
("the who").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from itertools import pairwise
from unicodedata import category, normalize
from zlib import crc32

import numpy as np

from secondpass.retrieval.stores.contract import TERMS, FeatureIdentity, Terms

# Raised when a text has other terms: what an index keeps by older rules is made anew.
RULES = 1
TERMS_IDENTITY = {TERMS: FeatureIdentity(f"terms {RULES}", 2**32)}

# Thai, Lao, Tibetan, Burmese, Khmer, kana, Han, Hangul, and halfwidth kana.
UNSPACED = (
    "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u1100-\u11ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua9e0-\ua9ff\uaa60-\uaa7f\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f"
    "\U00020000-\U0003ffff"
)
_UNSPACED_RUN = re.compile(f"[{UNSPACED}]+")

# Lucene's, as bm25s has them.
STOP_WORDS = frozenset(
    (
        *("a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is"),
        *("it", "no", "not", "of", "on", "or", "such", "that", "the", "their", "then", "there"),
        *("these", "they", "this", "to", "was", "will", "with"),
    )
)


def document_terms(text: str) -> Terms:
    """Return a text's terms, each as often as it comes, uint32 [n].

    Equal words have equal numbers, on every machine; of a million words 0.02 % share theirs with
    another.
    """
    if text.isascii():
        # Most text, at a tenth of the time.
        words = _LOWER_ASCII_WORD.findall(text.lower().encode())
        return np.fromiter(map(crc32, words), np.uint32, count=len(words))
    return np.array([term for run in _runs(text) for term in _numbers_of_run(run)], np.uint32)


def query_terms(query: str) -> Terms:
    """Return the terms that a query is searched by; none for one without letters and digits."""
    return np.array([crc32(term.encode()) for term in _of_query(query)], np.uint32)


def marked_words(query: str, text: str) -> list[tuple[int, int]]:
    """Return where words of the query are in a text, [start, end) in characters, in order.

    Of scripts without blanks these are runs of characters that the query has in this order.
    """
    wanted = set(_of_query(query))
    return [span for run in _matches(text) for span in _places(run, wanted)]


def _of_query(query: str) -> list[str]:
    terms = [term for run in _runs(query) for term in _of_run(run, single=False)]
    return [term for term in terms if term not in STOP_WORDS] or terms


def _places(run: re.Match[str], wanted: set[str]) -> Iterator[tuple[int, int]]:
    if not _UNSPACED_RUN.match(run[0]):
        if _plain(run[0]) in wanted:
            yield run.span()
        return
    # Characters one by one, so that a place in the run is a place in the text.
    plain = [_plain(character) for character in run[0]]
    marked = [character in wanted for character in plain]
    for at, pair in enumerate(map("".join, pairwise(plain))):
        if pair in wanted:
            marked[at] = marked[at + 1] = True
    start = None
    for at, is_marked in enumerate([*marked, False]):
        if is_marked and start is None:
            start = at
        elif not is_marked and start is not None:
            yield run.start() + start, run.start() + at
            start = None


def _runs(text: str) -> Iterable[str]:
    return (run[0] for run in _matches(text))


def _matches(text: str) -> Iterator[re.Match[str]]:
    return (_ASCII_WORD if text.isascii() else _any_run()).finditer(text)


def _of_run(run: str, *, single: bool) -> Iterator[str]:
    plain = _plain(run)
    if plain.isascii() or not _UNSPACED_RUN.match(plain):
        yield plain
        return
    yield from map("".join, pairwise(plain))
    if single or len(plain) == 1:
        yield from plain


def _plain(word: str) -> str:
    if word.isascii():
        return word.lower()
    return normalize("NFKC", normalize("NFKC", word).casefold())


@lru_cache(1 << 16)
def _numbers_of_run(run: str) -> tuple[int, ...]:
    """Return the numbers of a document's run; most words are there again soon."""
    return tuple(crc32(term.encode()) for term in _of_run(run, single=True))


_ASCII_WORD = re.compile("[A-Za-z0-9]+")
_LOWER_ASCII_WORD = re.compile(b"[a-z0-9]+")


@cache
def marks_of_letters() -> str:
    """Return the marks that are part of a letter, such as the vowel signs of Hindi."""
    return "".join(chr(code) for code in range(0x300, 0x1F000) if category(chr(code))[0] == "M")


@cache
def _any_run() -> re.Pattern[str]:
    """Return what finds words, with their marks, and unspaced runs."""
    marks = _UNSPACED_RUN.sub("", marks_of_letters())
    return re.compile(rf"[{UNSPACED}]+|(?:[^\W_{UNSPACED}]|[{marks}])+")
