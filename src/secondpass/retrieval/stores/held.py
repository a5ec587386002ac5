"""What of a table is held in memory between searches: one commit of it, as far as it fits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondpass.retrieval.stores.bm25 import Postings
from secondpass.retrieval.stores.contract import TERMS, Terms
from secondpass.retrieval.stores.exact import ExactSearch
from secondpass.retrieval.stores.lance_filters import fields_in

# More is not held: an index of larger vectors is searched on disk, and of larger rows, or of more
# terms, these alone are read from it.
MOST_VECTOR_BYTES = 256 << 20
MOST_ROW_BYTES = 256 << 20
MOST_TERM_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class HeldTerms:
    """The terms of n texts, one text after the other, and how many each has; `lack` have none."""

    values: Terms
    lengths: NDArray[np.int64]
    lack: int


@dataclass(frozen=True)
class HeldTable:
    """The rows of one commit: their vectors, row ids [n], and, unless they are too large, all else.

    `columns` is an Arrow table of the declared columns, `rows` one of what a found row has, each of
    n rows.
    """

    search: ExactSearch
    row_ids: NDArray[np.uint64]
    columns: Any
    fields: Mapping[str, str]
    rows: Any | None
    terms: HeldTerms | None

    @cached_property
    def postings(self) -> Postings:
        """The terms, by term; made by the first search for some."""
        assert self.terms is not None
        return Postings(self.terms.values, self.terms.lengths)


class Holder:
    """Holds the commit that is searched twice; of one that is searched once nothing is read ahead.

    Args:
        load: reads the latest commit; None where it is too large to be held.
    """

    def __init__(self, load: Callable[[], HeldTable | None]) -> None:
        self._load = load
        self._loading = threading.Lock()
        self._seen: Hashable = None
        self._held: tuple[Hashable, HeldTable | None] = None, None

    def at(self, commit: Hashable) -> HeldTable | None:
        """Return what is held of a commit, or of a later one that was there when it was read.

        While one thread reads, the others are given None.
        """
        held_of, held = self._held
        if held_of == commit:
            return held
        if self._seen != commit:
            self._seen = commit
            return None
        if not self._loading.acquire(blocking=False):
            return None
        try:
            # Freed first: there is memory for one.
            self._held = None, None
            held = self._load()
            self._held = commit, held
            return held
        finally:
            self._loading.release()


class _Kept:
    """Batches of some columns, let go when they take more than `most` bytes."""

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self._size = 0
        self.batches: list[Any] | None = []

    def add(self, batch: Any) -> None:
        if self.batches is not None:
            self.batches.append(batch)
            self._size += batch.nbytes
            if self._most is not None and self._size > self._most:
                self.batches = None

    def table(self) -> Any | None:
        import pyarrow as pa

        return pa.Table.from_batches(self.batches).combine_chunks() if self.batches else None


def read_held(
    batches: Any,
    count: int,
    dimension: int,
    most_row_bytes: int = MOST_ROW_BYTES,
    most_term_bytes: int = MOST_TERM_BYTES,
) -> HeldTable:
    """Read Arrow batches with `vector`, `_rowid` and further columns.

    Args:
        batches: an iterator of them.
        count: about how many rows they have.
        dimension: numbers in a vector.
        most_row_bytes: where what a found row has takes more, it is let go.
        most_term_bytes: where the terms take more, they are let go.
    """
    vectors = np.empty((count, dimension), np.float32)
    row_ids: list[NDArray[np.uint64]] = []
    columns, rows, terms = _Kept(), _Kept(most_row_bytes), _Kept(most_term_bytes)
    fields: Mapping[str, str] = {}
    filled = 0
    for batch in batches:
        if filled + len(batch) > len(vectors):
            more = max(len(batch), len(vectors) // 4)
            vectors = np.concatenate([vectors, np.empty((more, dimension), np.float32)])
        flat = batch.column("vector").flatten().to_numpy()
        vectors[filled : filled + len(batch)] = flat.reshape(-1, dimension)
        filled += len(batch)
        row_ids.append(batch.column("_rowid").to_numpy())
        fields = fields_in(batch.schema)
        if fields:
            columns.add(batch.select(list(fields.values())))
        own = {"vector", "_rowid", TERMS, *fields.values()}
        rows.add(batch.select([name for name in batch.schema.names if name not in own]))
        if TERMS in batch.schema.names:
            terms.add(batch.select([TERMS]))
    return HeldTable(
        ExactSearch(vectors[:filled]),
        np.concatenate([np.empty(0, np.uint64), *row_ids]),
        columns.table(),
        fields,
        rows.table(),
        _held_terms(terms.batches),
    )


def terms_in(column: Any) -> tuple[Terms, NDArray[np.int64], int]:
    """Return the terms of an Arrow column, how many each text has, and how many texts have none."""
    offsets = column.offsets.to_numpy().astype(np.int64)
    values: Terms = column.values.to_numpy()[offsets[0] : offsets[-1]]
    return values, np.diff(offsets), column.null_count


def _held_terms(batches: list[Any] | None) -> HeldTerms | None:
    if not batches:
        return None
    values, lengths, lack = zip(*(terms_in(one.column(TERMS)) for one in batches), strict=True)
    return HeldTerms(np.concatenate(values), np.concatenate(lengths), sum(lack))
