"""How near each sentence of a text is to a query, by their words; of query and text alone."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import pairwise

# Scripts without spaces between words: Han, kana, Thai, Lao, Burmese, Khmer.
_UNSPACED = (
    "\u3005-\u3007\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    "\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff"
)
# Vowel signs and points, which are not letters to `re` but stand within words.
_MARKS = "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0963\u0966-\u0dff"
_WORD = re.compile(rf"([{_UNSPACED}]+)|((?:(?![{_UNSPACED}])[\w{_MARKS}])+)")


def words_of(text: str) -> set[str]:
    """Return the words, caseless; of scripts without spaces the characters, and their pairs.

    >>> sorted(words_of("Straße 42, 茶很好"))
    ['42', 'strasse', '好', '很', '很好', '茶', '茶很']
    """
    words: set[str] = set()
    for run, word in _WORD.findall(unicodedata.normalize("NFKC", text).casefold()):
        words.update((*run, *map("".join, pairwise(run))) if run else (word,))
    return words


def nearness(words: AbstractSet[str], sentences: Sequence[str]) -> list[float]:
    """Return for each sentence the sum of the idf of these words that it holds, each word once.

    The idf is over the text's own sentences, so a word that is in most of them counts little, and
    no list of stop words is needed. BM25 with such a list, which is of one language, did not choose
    measurably better (docs/notes/README.md).
    """
    held = [words_of(sentence) & words for sentence in sentences]
    idf = idf_of(held)
    return [summed(found, idf) for found in held]


def idf_of(held: Sequence[AbstractSet[str]]) -> dict[str, float]:
    """Return log(1 + (n - df + 0.5) / (df + 0.5)), Lucene's, of each word that n sets hold."""
    counts = Counter(word for words in held for word in words)
    return {word: math.log(1 + (len(held) - n + 0.5) / (n + 0.5)) for word, n in counts.items()}


def summed(words: AbstractSet[str], idf: Mapping[str, float]) -> float:
    """Return the sum, exactly: a set of strings is in another order in every process."""
    return math.fsum(idf[word] for word in words)
