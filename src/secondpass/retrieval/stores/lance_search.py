"""Searches of a table: in memory where it is held, else on disk."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from secondpass.retrieval.stores.contract import Feature, FoundRow, Vectors
from secondpass.retrieval.stores.exact import cosines
from secondpass.retrieval.stores.features import from_arrow
from secondpass.retrieval.stores.held import (
    MOST_ROW_BYTES,
    MOST_VECTOR_BYTES,
    HeldTable,
    Holder,
    read_held,
)
from secondpass.retrieval.stores.lance_approximate import approximation_in, compare_less
from secondpass.retrieval.stores.lance_commit import Commit, latest_commit
from secondpass.retrieval.stores.lance_errors import file_errors
from secondpass.retrieval.stores.lance_schema import identity_in
from secondpass.retrieval.stores.ties import ties_by_id, with_last_ties

_TEXTS = ("id", "text", "metadata")


class LanceSearch:
    """Finds the rows nearest to a vector."""

    def __init__(self, folder: Path, table: Any) -> None:
        self._folder = folder
        self._table = table
        self._holder = Holder(self._load)

    def nearest(self, vector: Vectors, limit: int, among: Collection[str] | None) -> list[FoundRow]:
        """Return the `limit` nearest rows, ties by id."""
        if among is None and (held := self._holder.at(self._latest())) is not None:
            found = self._nearest_held(held, vector, limit)
            if found is not None:
                return found
        wanted = min(limit, self._count() if among is None else len(among))
        if wanted == 0:
            return []
        condition = None if among is None else ids_condition(sorted(among))
        rows = with_last_ties(lambda asked: self._on_disk(vector, asked, condition), wanted)
        return ties_by_id(rows, wanted)

    def _nearest_held(self, held: HeldTable, vector: Vectors, limit: int) -> list[FoundRow] | None:
        """Return the nearest rows; None where another commit has moved them meanwhile."""
        places, similarities = held.search.nearest(vector, limit)
        if not len(places):
            return []
        if held.rows is not None:
            return ties_by_id(_found(held.rows.take(places), similarities, self._folder), limit)
        by_row_id = dict(zip(held.row_ids[places].tolist(), similarities, strict=True))
        with file_errors(self._folder, "read"):
            columns = _columns(self._table.schema, self._folder)
            rows = self._table.take_row_ids(list(by_row_id)).with_row_id().select(columns)
            taken = rows.to_arrow()
        if len(taken) < len(by_row_id):
            return None
        near = [by_row_id[row_id] for row_id in taken["_rowid"].to_pylist()]
        return ties_by_id(_found(taken, near, self._folder), limit)

    def _on_disk(self, vector: Vectors, limit: int, condition: str | None) -> list[FoundRow]:
        """Return the `limit` rows of least cosine distance; ties unordered."""
        with file_errors(self._folder, "read"):
            schema = self._table.schema
        columns = [*_columns(schema, self._folder), "vector", "_distance"]
        with file_errors(self._folder, "read"):
            query = self._table.search(vector, vector_column_name="vector").distance_type("cosine")
            if condition is not None:
                query = query.where(condition, prefilter=True)
            chosen = approximation_in(schema)
            if chosen is None or condition is not None:
                query = query.bypass_vector_index()
            else:
                query = compare_less(query, chosen)
            found = query.select(columns).limit(limit).to_arrow()
            similarities = cosines(_vectors(found["vector"].combine_chunks()), vector)
            return _found(found, similarities, self._folder)

    def _load(self) -> HeldTable | None:
        count = self._count()
        with file_errors(self._folder, "read"):
            schema = self._table.schema
            dimension = identity_in(schema, self._folder).embedder.dimension
            if count * dimension * 4 > MOST_VECTOR_BYTES:
                return None
            columns = ["vector", *_columns(schema, self._folder)]
            query = self._table.search().select(columns).with_row_id(True)
            return read_held(iter(query.to_batches()), count, dimension, MOST_ROW_BYTES)

    def _latest(self) -> Commit:
        with file_errors(self._folder, "read"):
            return latest_commit(self._folder)

    def _count(self) -> int:
        with file_errors(self._folder, "read"):
            return int(self._table.count_rows())


def _columns(schema: Any, folder: Path) -> list[str]:
    return [*_TEXTS, *identity_in(schema, folder).features]


def ids_condition(ids: Iterable[str]) -> str | None:
    """Return SQL that is true of these ids, None for none.

    A quote is the only character special in a literal.
    """
    literals = ["'" + id_.replace("'", "''") + "'" for id_ in ids]
    return f"id IN ({', '.join(literals)})" if literals else None


def _vectors(column: Any) -> Vectors:
    flat: Vectors = column.flatten().to_numpy()
    return flat.reshape(len(column), -1) if len(column) else np.empty((0, 1), np.float32)


def _found(table: Any, similarities: Sequence[float], folder: Path) -> list[FoundRow]:
    """Return the rows of an Arrow table that has the columns of a search."""
    identities = identity_in(table.schema, folder).features
    texts = [table.column(name).to_pylist() for name in _TEXTS]
    columns = [from_arrow(name, table.column(name)) for name in identities]
    kept = [dict(zip(identities, row, strict=True)) for row in zip(*columns, strict=True)]
    none: list[dict[str, Feature]] = [{} for _ in similarities]
    return [
        FoundRow(id_, text, metadata, similarity, features, identities)
        for id_, text, metadata, similarity, features in zip(
            *texts, similarities, kept or none, strict=True
        )
    ]
