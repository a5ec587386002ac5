"""A store in memory: for evaluations, examples and tests. It is gone with the process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from secondpass.errors import InputError
from secondpass.progress import ProgressBar
from secondpass.retrieval.stores.bm25 import Postings, best, lacking
from secondpass.retrieval.stores.contract import (
    TERMS,
    Approximation,
    Column,
    Feature,
    FeatureIdentity,
    FeatureRows,
    FoundRow,
    Rows,
    StoreIdentity,
    Terms,
    Vectors,
    check_same_columns,
    check_still_kept,
    still_kept,
)
from secondpass.retrieval.stores.exact import ExactSearch, Places
from secondpass.retrieval.stores.filters import ColumnType, Filter, Value, holds
from secondpass.retrieval.stores.ties import ties_by_id


class _Row(NamedTuple):
    id: str
    text: str
    metadata: str
    digest: str
    source: str | None
    features: Mapping[str, Feature]
    identities: Mapping[str, FeatureIdentity]
    columns: Mapping[str, Value | None]


@dataclass(frozen=True)
class _Table:
    """One commit: rows, their vectors, and `ids`: each row's place."""

    rows: tuple[_Row, ...]
    search: ExactSearch
    ids: dict[str, int]

    @property
    def vectors(self) -> Vectors:
        return self.search.vectors

    @cached_property
    def postings(self) -> Postings:
        terms = [row.features.get(TERMS) for row in self.rows]
        present = [one for one in terms if one is not None]
        if len(present) < len(terms):
            raise lacking(MemoryStore.location, len(terms) - len(present))
        values = np.concatenate([np.empty(0, np.uint32), *present])
        return Postings(values, np.array([len(one) for one in present], np.int64))

    def places(self, among: Collection[str] | None, where: Filter | None) -> Places | None:
        """Return the places of the rows that may be found; None for all."""
        if among is None and where is None:
            return None
        ids = self.ids if among is None else among
        places = [self.ids[id_] for id_ in ids if id_ in self.ids]
        if where is not None:
            places = [place for place in places if holds(where, self.rows[place].columns)]
        return np.array(sorted(places), np.intp)


class MemoryStore:
    """Implements `VectorStore`; a commit is a new table in the place of the old."""

    location = "in memory"

    def __init__(self, identity: StoreIdentity) -> None:
        self._identity = identity
        self._table = _table((), np.empty((0, identity.embedder.dimension), np.float32))
        self._writing = threading.Lock()

    def __getstate__(self) -> tuple[StoreIdentity, _Table]:
        return self._identity, self._table

    def __setstate__(self, state: tuple[StoreIdentity, _Table]) -> None:
        self._identity, self._table = state
        self._writing = threading.Lock()

    def identity(self) -> StoreIdentity:
        """Return what it was made for."""
        return self._identity

    def count(self) -> int:
        """Return the number of rows."""
        return len(self._table.rows)

    def write(self, batches: Iterable[Rows], *, replace: bool) -> int:
        """Keep the rows of all batches, or after an error none."""
        rows: list[_Row] = []
        vectors: list[Vectors] = []
        for batch in batches:
            rows += self._rows(batch)
            vectors.append(batch.vectors)
        if not rows:
            return 0
        new = _last_of_each_id(rows, vectors[0] if len(vectors) == 1 else np.concatenate(vectors))
        with self._writing:
            new = _fitting(new, self._identity)
            clash = self._table.ids.keys() & new.ids.keys()
            if clash and not replace:
                raise InputError(
                    f"id {min(clash)!r} is in the index {self.location} already; replace it, or "
                    "let one writer at a time add to it"
                )
            old = _without(self._table, clash)
            self._table = _joined(old, new)
        return len(new.rows)

    def nearest(
        self,
        vector: Vectors,
        limit: int,
        *,
        among: Collection[str] | None = None,
        where: Filter | None = None,
    ) -> list[FoundRow]:
        """Return the rows nearest to a unit vector, ties by id."""
        table = self._table
        near, similarities = table.search.nearest(vector, limit, table.places(among, where))
        rows = (table.rows[place] for place in near)
        return ties_by_id(list(map(_found, rows, similarities)), limit)

    def matching(
        self,
        terms: Terms,
        limit: int,
        *,
        among: Collection[str] | None = None,
        where: Filter | None = None,
    ) -> list[FoundRow]:
        """Return the rows with the highest BM25, ties by id."""
        table = self._table
        scores = table.postings.scores(terms)
        found = best(scores, limit, table.places(among, where))
        rows = [_found(table.rows[place], None, float(scores[place])) for place in found]
        return ties_by_id(rows, limit)

    def approximate(self, progress: ProgressBar) -> Approximation | None:
        """Do nothing: every vector is in memory, and compared."""

    def scan(
        self, columns: Sequence[Column], *, lacking: str | None = None
    ) -> Iterator[tuple[Any, ...]]:
        """Yield these columns of every row, or of those that lack a feature."""
        if lacking is not None:
            check_still_kept([lacking], None, self._identity.features, self.location)
        for row in self._table.rows:
            if lacking is None or row.features[lacking] is None:
                yield tuple(getattr(row, column) for column in columns)

    def change_features(self, features: Mapping[str, FeatureIdentity]) -> None:
        """Keep these features from now on."""
        with self._writing:
            old = self._identity.features
            stay = {name for name, identity in features.items() if old.get(name) == identity}
            self._identity = replace(self._identity, features=dict(features))
            rows = [
                row._replace(
                    features={
                        name: row.features[name] if name in stay else None for name in features
                    },
                    identities=self._identity.features,
                )
                for row in self._table.rows
            ]
            self._table = _Table(tuple(rows), self._table.search, self._table.ids)

    def fill(self, rows: FeatureRows) -> None:
        """Put features to rows that are there."""
        with self._writing:
            check_still_kept(rows.features, rows.identities, self._identity.features, self.location)
            changed = list(self._table.rows)
            for at, (id_, digest) in enumerate(zip(rows.id, rows.digest, strict=True)):
                place = self._table.ids.get(id_)
                if place is None or changed[place].digest != digest:
                    continue
                filled = {name: values[at] for name, values in rows.features.items()}
                features = {**changed[place].features, **filled}
                changed[place] = changed[place]._replace(features=features)
            self._table = _Table(tuple(changed), self._table.search, self._table.ids)

    def delete(self, ids: Iterable[str]) -> int:
        """Remove rows; return how many were there."""
        with self._writing:
            there = self._table.ids.keys() & set(ids)
            self._table = _without(self._table, there)
        return len(there)

    def delete_where(self, where: Filter) -> int:
        """Remove the rows of which a filter is true; return how many there were."""
        with self._writing:
            gone = [row.id for row in self._table.rows if holds(where, row.columns)]
            self._table = _without(self._table, gone)
        return len(gone)

    def declare(
        self, columns: Mapping[str, ColumnType], values_of: Callable[[str], Sequence[Value | None]]
    ) -> None:
        """Keep these columns too."""
        with self._writing:
            rows = [
                row._replace(
                    columns={
                        **row.columns,
                        **dict(zip(columns, values_of(row.metadata), strict=True)),
                    }
                )
                for row in self._table.rows
            ]
            self._identity = replace(self._identity, columns={**self._identity.columns, **columns})
            self._table = _Table(tuple(rows), self._table.search, self._table.ids)

    def mend(self) -> int:
        """Do nothing: no id can be there twice."""
        return 0

    def tidy(self) -> None:
        """Do nothing: what was replaced is free already."""

    def optimize(self, keep: timedelta) -> None:
        """Do nothing: what was replaced is free already."""

    def _rows(self, batch: Rows) -> Iterator[_Row]:
        kept = self._identity.features
        usable = still_kept(batch.identities, kept)
        given = {name: values for name, values in batch.features.items() if name in usable}
        declared = {
            name: batch.columns.get(name, [None] * len(batch.id)) for name in self._identity.columns
        }
        texts = (batch.id, batch.text, batch.metadata, batch.digest, batch.source)
        for position, fields in enumerate(zip(*texts, strict=True)):
            features = {name: values[position] for name, values in given.items()}
            columns = {name: values[position] for name, values in declared.items()}
            yield _Row(*fields, features, kept, columns)


def _table(rows: Sequence[_Row], vectors: Vectors) -> _Table:
    ids = {row.id: place for place, row in enumerate(rows)}
    return _Table(tuple(rows), ExactSearch(vectors), ids)


def _fitting(table: _Table, identity: StoreIdentity) -> _Table:
    """Return new rows with the features that the store keeps by the time of the commit."""
    rows, kept = [], identity.features
    for row in table.rows:
        check_same_columns(row.columns, identity.columns, MemoryStore.location)
        usable = still_kept(row.identities, kept)
        features = {name: row.features.get(name) if name in usable else None for name in kept}
        rows.append(row._replace(features=features, identities=kept))
    return _Table(tuple(rows), table.search, table.ids)


def _last_of_each_id(rows: Sequence[_Row], vectors: Vectors) -> _Table:
    table = _table(rows, vectors)
    if len(table.ids) == len(rows):
        return table
    last = list(table.ids.values())
    return _table([rows[place] for place in last], vectors[last])


def _joined(old: _Table, new: _Table) -> _Table:
    """Return the rows of both; the vectors are only copied where both have some."""
    if not old.rows:
        return new
    return _table([*old.rows, *new.rows], np.concatenate([old.vectors, new.vectors]))


def _without(table: _Table, ids: Iterable[str]) -> _Table:
    gone = {table.ids[id_] for id_ in ids}
    if not gone:
        return table
    kept = [place for place in range(len(table.rows)) if place not in gone]
    return _table([table.rows[place] for place in kept], table.vectors[kept])


def _found(row: _Row, similarity: float | None, bm25: float | None = None) -> FoundRow:
    features = {name: value for name, value in row.features.items() if name != TERMS}
    identities = {name: made_by for name, made_by in row.identities.items() if name != TERMS}
    return FoundRow(row.id, row.text, row.metadata, similarity, features, identities, bm25)
