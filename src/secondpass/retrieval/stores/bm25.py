"""BM25 (Robertson and Zaragoza 2009), by Lucene's formula: which texts have a query's terms.

Every text is looked at, so scores are exact: a row that was added or replaced is counted, one that
was deleted is not, and the statistics are those of the commit that is searched. Terms are numbers,
as `retrieval/terms.py` makes them.

`Postings` is for terms in memory: they are inverted once, and a query reads its own terms alone.
`TermScan` is for terms on disk, which it reads batch by batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from secondpass.errors import Either, IndexFileError
from secondpass.retrieval.stores.contract import Terms

Places = NDArray[np.intp]
Numbers = NDArray[np.float64]

# bm25s's, as `eval --first-stage bm25` has them.
K1 = 1.5
B = 0.75

# A term is looked for among all by its lowest bits first.
_BITS = 16


class Statistics(NamedTuple):
    """The number of texts of a collection, and of the terms in all of them."""

    texts: int
    terms: int


class Found(NamedTuple):
    """The texts that have one term, in ascending order, and how often."""

    places: Places
    counts: Numbers


class Postings:
    """The terms of n texts, by term.

    Args:
        values: the terms of all texts, one text after the other.
        lengths: how many terms each text has, [n].
    """

    def __init__(self, values: Terms, lengths: NDArray[Any]) -> None:
        self.lengths = lengths.astype(np.int64)
        # Term and place as one number: sorted, the places of a term are beside each other.
        places = np.repeat(np.arange(len(lengths), dtype=np.uint64), self.lengths)
        pairs = (values.astype(np.uint64) << np.uint64(32)) | places
        pairs.sort()
        first = np.flatnonzero(np.diff(pairs, prepend=pairs[:1] + np.uint64(1)))
        self._counts = np.diff(first, append=len(pairs)).astype(np.uint32)
        self._places = (pairs[first] & np.uint64(2**32 - 1)).astype(np.uint32)
        terms = (pairs[first] >> np.uint64(32)).astype(np.uint32)
        self._starts = np.flatnonzero(np.diff(terms, prepend=~terms[:1]))
        self._terms = terms[self._starts]
        self._ends = np.append(self._starts[1:], len(terms))

    def scores(self, query: Terms) -> Numbers:
        """Return the score of each text, float64 [n], 0 for one that has no term of the query."""
        return _scores(query, lambda terms: list(map(self._found, terms)), self.lengths)

    def _found(self, term: np.uint32) -> Found:
        at = int(np.searchsorted(self._terms, term))
        if at == len(self._terms) or self._terms[at] != term:
            return Found(np.empty(0, np.intp), np.empty(0))
        here = slice(self._starts[at], self._ends[at])
        return Found(self._places[here].astype(np.intp), self._counts[here].astype(np.float64))


class TermScan:
    """One query and texts that come in batches."""

    def __init__(self, query: Terms) -> None:
        self._query = query
        self._terms = np.array(sorted(set(query.tolist())), np.uint32)
        self._candidates = np.zeros(1 << _BITS, np.bool_)
        self._candidates[_low(self._terms)] = True
        self._lengths: list[NDArray[np.int64]] = []
        self._pairs: list[NDArray[np.int64]] = []
        self._rows = 0

    def add(self, values: Terms, lengths: NDArray[Any]) -> None:
        """Take the terms of the next texts, one text after the other, and how many each has."""
        near = np.flatnonzero(self._candidates[_low(values)])
        at = np.searchsorted(self._terms, values[near])
        is_term = self._terms[np.minimum(at, len(self._terms) - 1)] == values[near]
        row = np.searchsorted(np.cumsum(lengths), near[is_term], side="right") + self._rows
        # One number a text and term: rows ascend, so equal ones are sorted together.
        self._pairs.append(row * len(self._terms) + at[is_term])
        self._lengths.append(lengths.astype(np.int64))
        self._rows += len(lengths)

    def scores(self) -> Numbers:
        """Return the score of each text, float64 [n], in the order in which they came."""
        lengths = np.concatenate([np.empty(0, np.int64), *self._lengths])
        pairs = np.sort(np.concatenate([np.empty(0, np.int64), *self._pairs]))
        first = np.flatnonzero(np.diff(pairs, prepend=-1))
        counts = np.diff(first, append=len(pairs)).astype(np.float64)
        row, term = np.divmod(pairs[first], max(len(self._terms), 1))

        def found(terms: Sequence[np.uint32]) -> list[Found]:
            have = [term == at for at in range(len(terms))]
            return [Found(row[has].astype(np.intp), counts[has]) for has in have]

        return _scores(self._query, found, lengths)


def scores_of_some(
    query: Terms, found: Mapping[int, Found], lengths: NDArray[np.int64], of: Statistics
) -> Numbers:
    """Return the scores of the texts that have terms of a query, where no other text is read.

    Args:
        query: its terms.
        found: each term that texts have -> which of these texts have it.
        lengths: how many terms each of these texts has, [n].
        of: what the whole collection has.
    """
    none = Found(np.empty(0, np.intp), np.empty(0))
    return _scores(query, lambda terms: [found.get(int(term), none) for term in terms], lengths, of)


def best(scores: Numbers, limit: int, among: Places | None = None) -> Places:
    """Return the places of the `limit` highest scores above 0, and of all equal to the last.

    `among` are the only places to look at; None for all.
    """
    places = np.flatnonzero(scores > 0) if among is None else among[scores[among] > 0]
    if limit < len(places):
        least = np.partition(scores[places], -limit)[-limit]
        places = places[scores[places] >= least]
    return places


def lacking(location: str, count: int) -> IndexFileError:
    """Return the error of a search by terms where some documents have none."""
    return IndexFileError(
        f"{count} documents of the index {location} have no terms: make these with ",
        Either("index.add_terms()", "secondpass index PATH... --into DIR"),
    )


def _scores(
    query: Terms, find: Any, lengths: NDArray[np.int64], of: Statistics | None = None
) -> Numbers:
    """Return BM25 of each text; the terms are added in the order of their numbers."""
    scores = np.zeros(len(lengths), np.float64)
    texts, total = (len(lengths), int(lengths.sum())) if of is None else of
    if not len(query) or not total:
        return scores
    listed = query.tolist()
    terms = sorted(set(listed))
    shares = lengths * (texts / total)
    for term, (places, counts) in zip(terms, find(np.array(terms, np.uint32)), strict=True):
        idf = np.log1p((texts - len(places) + 0.5) / (len(places) + 0.5))
        part = counts / (counts + K1 * (1 - B + B * shares[places]))
        scores[places] += listed.count(term) * idf * part
    return scores


def _low(terms: Terms) -> NDArray[np.uint32]:
    return terms & np.uint32((1 << _BITS) - 1)
