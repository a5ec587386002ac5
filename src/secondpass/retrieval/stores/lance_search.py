"""Searches of a table: in memory where it is held, else on disk."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondpass.errors import IndexFileError
from secondpass.retrieval.stores.bm25 import TermScan, best, lacking
from secondpass.retrieval.stores.contract import (
    TERMS,
    Approximation,
    Feature,
    FoundRow,
    Terms,
    Vectors,
)
from secondpass.retrieval.stores.exact import Places, cosines
from secondpass.retrieval.stores.features import from_arrow
from secondpass.retrieval.stores.filters import Filter, columns_in
from secondpass.retrieval.stores.held import (
    MOST_ROW_BYTES,
    MOST_TERM_BYTES,
    MOST_VECTOR_BYTES,
    HeldTable,
    Holder,
    read_held,
    terms_in,
)
from secondpass.retrieval.stores.lance_approximate import approximation_in, compare_less
from secondpass.retrieval.stores.lance_commit import Commit, latest_commit
from secondpass.retrieval.stores.lance_errors import file_errors
from secondpass.retrieval.stores.lance_filters import fields_in, mask, to_sql
from secondpass.retrieval.stores.lance_schema import identity_in
from secondpass.retrieval.stores.ties import ties_by_id, with_last_ties

_TEXTS = ("id", "text", "metadata")
# How often rows that another commit has moved are looked for anew.
_TRIES = 5


@dataclass(frozen=True, slots=True)
class _Allowed:
    """Which rows a search may find."""

    among: Collection[str] | None
    where: Filter | None

    @property
    def nothing(self) -> bool:
        return self.among is not None and not self.among

    def condition(self, schema: Any) -> str | None:
        """Return SQL that is true of these rows, None for all."""
        parts = [
            None if self.among is None else ids_condition(sorted(self.among)),
            None if self.where is None else to_sql(self.where, fields_in(schema)),
        ]
        return " AND ".join(f"({part})" for part in parts if part is not None) or None

    def columns(self, schema: Any) -> list[str]:
        """Return the columns that say which rows these are."""
        fields = fields_in(schema)
        where = (
            [] if self.where is None else sorted({fields[name] for name in columns_in(self.where)})
        )
        return [*where, *([] if self.among is None else ["id"])]

    def of(self, batch: Any) -> NDArray[np.bool_]:
        """Return which rows of a batch these are."""
        return self._mask(len(batch), batch, fields_in(batch.schema), batch)

    def places(self, held: HeldTable) -> Places | None:
        """Return the places of these rows in what is held, None for all; `among` needs its rows."""
        # Of no rows, Arrow gives no batch, and so no columns.
        if (self.among is None and self.where is None) or not len(held.row_ids):
            return None
        keep = self._mask(len(held.row_ids), held.columns, held.fields, held.rows)
        return np.flatnonzero(keep)

    def _mask(
        self, count: int, columns: Any, fields: Mapping[str, str], texts: Any
    ) -> NDArray[np.bool_]:
        """Return which of `count` rows these are; `where` is of `columns`, ids are of `texts`."""
        import pyarrow as pa
        from pyarrow import compute

        keep = np.ones(count, np.bool_)
        if self.where is not None:
            keep &= mask(self.where, columns, fields)
        if self.among is not None:
            wanted = pa.array(list(self.among), pa.string())
            keep &= np.asarray(compute.is_in(texts.column("id"), value_set=wanted), np.bool_)
        return keep


@dataclass(frozen=True, slots=True)
class _Scored:
    """Places of rows and their scores: cosines, or BM25."""

    places: Places
    scores: list[float]
    by_terms: bool


class LanceSearch:
    """Finds the rows nearest to a vector, and those that match terms."""

    def __init__(self, folder: Path, table: Any) -> None:
        self._folder = folder
        self._table = table
        self._holder = Holder(self._load)

    def nearest(
        self, vector: Vectors, limit: int, among: Collection[str] | None, where: Filter | None
    ) -> list[FoundRow]:
        """Return the `limit` nearest rows, ties by id."""
        allowed = _Allowed(among, where)
        if allowed.nothing:
            return []
        held = self._held(allowed)
        if held is not None:
            with file_errors(self._folder, "read"):
                places = allowed.places(held)
            near = _Scored(*held.search.nearest(vector, limit, places), by_terms=False)
            found = self._rows_of(held, near, limit)
            if found is not None:
                return found
        wanted = min(limit, self._count() if among is None else len(among))
        if wanted == 0:
            return []
        rows = with_last_ties(lambda asked: self._nearest_on_disk(vector, asked, allowed), wanted)
        return ties_by_id(rows, wanted)

    def matching(
        self, terms: Terms, limit: int, among: Collection[str] | None, where: Filter | None
    ) -> list[FoundRow]:
        """Return the `limit` rows of the highest BM25, ties by id."""
        allowed = _Allowed(among, where)
        if allowed.nothing or not len(terms):
            return []
        held = self._held(allowed)
        if held is not None and held.terms is not None:
            if held.terms.lack:
                raise lacking(str(self._folder), held.terms.lack)
            scores = held.postings.scores(terms)
            with file_errors(self._folder, "read"):
                places = best(scores, limit, allowed.places(held))
            matching = _Scored(places, scores[places].tolist(), by_terms=True)
            found = self._rows_of(held, matching, limit)
            if found is not None:
                return found
        for _ in range(_TRIES):
            found = self._matching_on_disk(terms, limit, allowed)
            if found is not None:
                return found
        raise IndexFileError(
            f"index {self._folder} changed {_TRIES} times while it was searched: search again"
        )

    def _held(self, allowed: _Allowed) -> HeldTable | None:
        """Return the latest commit if it is held, with what a search of these rows needs."""
        held = self._holder.at(self._latest())
        if held is None or (allowed.among is not None and held.rows is None):
            return None
        return held

    def _rows_of(self, held: HeldTable, found: _Scored, limit: int) -> list[FoundRow] | None:
        """Return the best rows; None where another commit has moved them meanwhile."""
        if not len(found.places):
            return []
        if held.rows is None:
            return self._taken(held.row_ids[found.places].tolist(), found, limit)
        with file_errors(self._folder, "read"):
            ids = held.rows.column("id").take(found.places).to_pylist()
            chosen = _first(ids, found.scores, limit)
            rows = held.rows.take(found.places[chosen])
            scores = [found.scores[at] for at in chosen]
            return _found(rows, scores, self._folder, by_terms=found.by_terms)

    def _taken(self, row_ids: list[int], found: _Scored, limit: int) -> list[FoundRow] | None:
        """Read the best rows from disk; None where another commit has moved them meanwhile."""
        scores = dict(zip(row_ids, found.scores, strict=True))
        with file_errors(self._folder, "read"):
            # Of equals, which may be many, the ids alone say which are found.
            ids = self._take(row_ids, ["id"])
            if len(ids) < len(row_ids):
                return None
            taken = ids["_rowid"].to_pylist()
            chosen = _first(ids["id"].to_pylist(), [scores[one] for one in taken], limit)
            wanted = [taken[at] for at in chosen]
            rows = self._take(wanted, _columns(self._table.schema, self._folder))
            if len(rows) < len(wanted):
                return None
            read = [scores[row_id] for row_id in rows["_rowid"].to_pylist()]
            return ties_by_id(_found(rows, read, self._folder, by_terms=found.by_terms), limit)

    def _take(self, row_ids: list[int], columns: list[str]) -> Any:
        return self._table.take_row_ids(row_ids).with_row_id().select(columns).to_arrow()

    def _nearest_on_disk(self, vector: Vectors, limit: int, allowed: _Allowed) -> list[FoundRow]:
        """Return the `limit` rows of least cosine distance; ties unordered."""
        with file_errors(self._folder, "read"):
            schema = self._table.schema
            condition = allowed.condition(schema)
            columns = [*_columns(schema, self._folder), "vector", "_distance"]
            chosen = approximation_in(schema) if condition is None else None
            found = self._near(vector, chosen, condition).select(columns).limit(limit).to_arrow()
            if chosen is not None and len(found) < limit:
                # The parts that were compared hold no more.
                found = self._near(vector, None, None).select(columns).limit(limit).to_arrow()
            similarities = cosines(_vectors(found["vector"].combine_chunks()), vector)
            return _found(found, similarities, self._folder, by_terms=False)

    def _near(self, vector: Vectors, chosen: Approximation | None, condition: str | None) -> Any:
        """Return a query for the rows near a vector; all that are allowed are compared, or less."""
        query = self._table.search(vector, vector_column_name="vector").distance_type("cosine")
        if condition is not None:
            query = query.where(condition, prefilter=True)
        return query.bypass_vector_index() if chosen is None else compare_less(query, chosen)

    def _matching_on_disk(
        self, terms: Terms, limit: int, allowed: _Allowed
    ) -> list[FoundRow] | None:
        """Read every row's terms; None where another commit has moved the rows meanwhile."""
        scan, lack = TermScan(terms), 0
        row_ids, keep = [np.empty(0, np.uint64)], [np.empty(0, np.bool_)]
        with file_errors(self._folder, "read"):
            columns = [TERMS, *allowed.columns(self._table.schema)]
            query = self._table.search().select(columns).with_row_id(True)
            for batch in query.to_batches():
                values, lengths, nulls = terms_in(batch.column(TERMS))
                scan.add(values, lengths)
                lack += nulls
                row_ids.append(batch.column("_rowid").to_numpy())
                keep.append(allowed.of(batch))
        if lack:
            raise lacking(str(self._folder), lack)
        scores = scan.scores()
        places = best(scores, limit, np.flatnonzero(np.concatenate(keep)))
        if not len(places):
            return []
        found = _Scored(places, scores[places].tolist(), by_terms=True)
        return self._taken(np.concatenate(row_ids)[places].tolist(), found, limit)

    def _load(self) -> HeldTable | None:
        count = self._count()
        with file_errors(self._folder, "read"):
            schema = self._table.schema
            identity = identity_in(schema, self._folder)
            if count * identity.embedder.dimension * 4 > MOST_VECTOR_BYTES:
                return None
            terms = [TERMS] if TERMS in identity.features else []
            declared = fields_in(schema).values()
            columns = ["vector", *_columns(schema, self._folder), *terms, *declared]
            query = self._table.search().select(columns).with_row_id(True)
            batches = iter(query.to_batches())
            dimension = identity.embedder.dimension
            return read_held(batches, count, dimension, MOST_ROW_BYTES, MOST_TERM_BYTES)

    def _latest(self) -> Commit:
        with file_errors(self._folder, "read"):
            return latest_commit(self._folder)

    def _count(self) -> int:
        with file_errors(self._folder, "read"):
            return int(self._table.count_rows())


def ids_condition(ids: Iterable[str]) -> str | None:
    """Return SQL that is true of these ids, None for none.

    A quote is the only character special in a literal.
    """
    literals = ["'" + id_.replace("'", "''") + "'" for id_ in ids]
    return f"id IN ({', '.join(literals)})" if literals else None


def _columns(schema: Any, folder: Path) -> list[str]:
    """Return what is read of a row that is found."""
    features = identity_in(schema, folder).features
    return [*_TEXTS, *(name for name in features if name != TERMS)]


def _first(ids: Sequence[str], scores: Sequence[float], limit: int) -> list[int]:
    """Return which are the `limit` best, best first, ties by id."""
    return sorted(range(len(ids)), key=lambda at: (-scores[at], ids[at]))[:limit]


def _vectors(column: Any) -> Vectors:
    flat: Vectors = column.flatten().to_numpy()
    return flat.reshape(len(column), -1) if len(column) else np.empty((0, 1), np.float32)


def _found(table: Any, scores: Sequence[float], folder: Path, *, by_terms: bool) -> list[FoundRow]:
    """Return the rows of an Arrow table that has the columns of a search."""
    identities = identity_in(table.schema, folder).features
    texts = [table.column(name).to_pylist() for name in _TEXTS]
    columns = [from_arrow(name, table.column(name)) for name in identities]
    kept = [dict(zip(identities, row, strict=True)) for row in zip(*columns, strict=True)]
    none: list[dict[str, Feature]] = [{} for _ in scores]
    return [
        FoundRow(
            id_,
            text,
            metadata,
            None if by_terms else score,
            features,
            identities,
            score if by_terms else None,
        )
        for id_, text, metadata, score, features in zip(*texts, scores, kept or none, strict=True)
    ]
