"""Rows into the tables of an index: by COPY, in the transaction that holds the turn to write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from secondpass.retrieval.stores.contract import (
    FEATURE_TYPES,
    TERMS,
    Feature,
    FeatureRows,
    StoreIdentity,
    check_same_columns,
    still_kept,
)
from secondpass.retrieval.stores.features import from_arrow
from secondpass.retrieval.stores.filters import ColumnType, Value
from secondpass.retrieval.stores.lance_filters import fields_in
from secondpass.retrieval.stores.postgres_filters import SQL_TYPES, to_value
from secondpass.retrieval.stores.postgres_schema import TERMS_INDEX, Meta, Tables, described
from secondpass.retrieval.stores.postgres_text import to_server
from secondpass.retrieval.stores.spool import Spool

# Ids that are sent at a time.
_IDS = 10_000
# With fewer rows, taking an index down and making it again does not pay.
_MANY = 1_000
_TEXTS = ("id", "text", "metadata", "digest", "source")


@dataclass(frozen=True, slots=True)
class _Batch:
    """Some rows of a spool, as Arrow has them, and the place of the first."""

    arrow: Any
    place: int

    def column(self, name: str) -> Any:
        return self.arrow.column(name)

    @property
    def places(self) -> range:
        return range(self.place, self.place + self.arrow.num_rows)


def those_there(cursor: Any, tables: Tables, ids: Sequence[str]) -> list[str]:
    """Return those of the ids, as the server has them, that an index has."""
    found: list[str] = []
    for start in range(0, len(ids), _IDS):
        asked = f"SELECT id FROM {tables.documents} WHERE id = ANY(%s::text[])"
        cursor.execute(asked, [ids[start : start + _IDS]])
        found += [id_ for (id_,) in cursor]
    return found


def delete_ids(cursor: Any, tables: Tables, ids: Sequence[str]) -> int:
    """Delete rows by their ids, as the server has them; return how many there were."""
    return sum(
        tables.delete(cursor, "d.id = ANY(%s::text[])", [ids[start : start + _IDS]])
        for start in range(0, len(ids), _IDS)
    )


def load(cursor: Any, tables: Tables, meta: Meta, made: StoreIdentity, spool: Spool) -> None:
    """Write the rows of a spool; none of their ids is there.

    Args:
        cursor: of the transaction.
        tables: of the index.
        meta: what the index says.
        made: what it said when the rows were made; what it has no use for any more is left out.
        spool: the rows.
    """
    check_same_columns(made.columns, meta.columns, str(tables.address))
    usable = still_kept(made.features, meta.features)
    rows = len(spool.last_rows)
    cursor.execute(f"UPDATE {tables.meta} SET next_place = next_place + %s::int8", [rows])
    kept = [name for name in meta.kept if name in usable]
    _copy(
        cursor,
        tables.documents,
        {"place": "int8", **dict.fromkeys(_TEXTS, "text"), **dict.fromkeys(kept, "bytea")},
        (row for batch in _batches(spool, meta) for row in _documents(batch, kept)),
    )
    _copy(
        cursor,
        tables.vectors,
        {"place": "int8", "vector": "vector"},
        (row for batch in _batches(spool, meta) for row in _vectors(batch)),
    )
    fields = fields_in(spool.schema)
    declared = [name for name in meta.numbers if name in fields]
    _copy(
        cursor,
        tables.columns,
        {
            "place": "int8",
            **{meta.fields[one]: SQL_TYPES[meta.columns[one]] for one in declared},
        },
        (row for batch in _batches(spool, meta) for row in _columns(batch, declared, fields)),
    )
    _load_terms(cursor, tables, meta, spool, with_terms=TERMS in usable)


def fill(cursor: Any, tables: Tables, rows: FeatureRows) -> None:
    """Put features to rows that are there, where the digest is still theirs."""
    names = list(rows.features)
    kinds = {name: "int4[]" if name == TERMS else "bytea" for name in names}
    values = [
        [_term_list(one) if name == TERMS else _bytes(name, one) for one in rows.features[name]]
        for name in names
    ]
    texts = [list(map(to_server, given)) for given in (rows.id, rows.digest)]
    staged = {"id": "text", "digest": "text", **kinds}
    _stage(cursor, staged, zip(*texts, *values, strict=True))
    same = "d.id = s.id AND d.digest = s.digest"
    if of_documents := [name for name in names if name != TERMS]:
        set_ = ", ".join(f"{name} = s.{name}" for name in of_documents)
        cursor.execute(f"UPDATE {tables.documents} d SET {set_} FROM staged s WHERE {same}")
    if TERMS in names:
        cursor.execute(
            f"UPDATE {tables.terms} t SET terms = s.terms FROM staged s"
            f" JOIN {tables.documents} d ON {same} WHERE t.place = d.place"
        )
        tables.count_anew(cursor)


def fill_columns(
    cursor: Any,
    tables: Tables,
    columns: Mapping[str, ColumnType],
    rows: Iterator[tuple[int, Sequence[Value | None]]],
) -> None:
    """Put values to columns of the table, by its names of them, of rows by their places."""
    staged = {"place": "int8", **{name: SQL_TYPES[kind] for name, kind in columns.items()}}
    _stage(cursor, staged, ((place, *map(to_value, values)) for place, values in rows))
    set_ = ", ".join(f"{name} = s.{name}" for name in columns)
    cursor.execute(f"UPDATE {tables.columns} c SET {set_} FROM staged s WHERE c.place = s.place")


def _load_terms(cursor: Any, tables: Tables, meta: Meta, spool: Spool, *, with_terms: bool) -> None:
    anew = not meta.statistics.texts and len(spool.last_rows) >= _MANY
    if anew:
        cursor.execute(f"DROP INDEX {tables.schema}.{TERMS_INDEX}")
    lacking, total = 0, 0

    def rows() -> Iterator[tuple[Any, ...]]:
        nonlocal lacking, total
        for batch in _batches(spool, meta):
            if not with_terms:
                lacking += len(batch.places)
                yield from ((place, None) for place in batch.places)
                continue
            terms = from_arrow(TERMS, batch.column(TERMS))
            for place, one in zip(batch.places, terms, strict=True):
                lacking += one is None
                total += 0 if one is None else len(one)
                yield place, _term_list(one)

    _copy(cursor, tables.terms, {"place": "int8", "terms": "int4[]"}, rows())
    if anew:
        cursor.execute(tables.make_terms_index())
    tables.count(cursor, len(spool.last_rows), lacking, total)


def _batches(spool: Spool, meta: Meta) -> Iterator[_Batch]:
    place = meta.next_place
    for batch in spool.reader():
        yield _Batch(batch, place)
        place += batch.num_rows


def _documents(batch: _Batch, kept: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    texts = [
        [one if one is None else to_server(one) for one in batch.column(name).to_pylist()]
        for name in _TEXTS
    ]
    features = [
        [_bytes(name, one) for one in from_arrow(name, batch.column(name))] for name in kept
    ]
    return zip(batch.places, *texts, *features, strict=True)


def _vectors(batch: _Batch) -> Iterator[tuple[Any, ...]]:
    flat = batch.column("vector").flatten().to_numpy()
    vectors = flat.reshape(batch.arrow.num_rows, -1)
    return zip(batch.places, vectors, strict=True)


def _columns(
    batch: _Batch, declared: Sequence[str], fields: Mapping[str, str]
) -> Iterator[tuple[Any, ...]]:
    values = [map(to_value, batch.column(fields[name]).to_pylist()) for name in declared]
    return zip(batch.places, *values, strict=True)


def _bytes(name: str, feature: Feature) -> bytes | None:
    return None if feature is None else np.asarray(feature, FEATURE_TYPES[name]).tobytes()


def _term_list(terms: Feature) -> list[int] | None:
    """Return terms as numbers with a sign, for the server has no others."""
    if terms is None:
        return None
    numbers: list[int] = np.asarray(terms, np.uint32).view(np.int32).tolist()
    return numbers


def _stage(cursor: Any, columns: Mapping[str, str], rows: Iterator[tuple[Any, ...]]) -> None:
    """Put rows into a table that is gone with the transaction."""
    cursor.execute("DROP TABLE IF EXISTS staged")
    made = ", ".join(described(name, kind) for name, kind in columns.items())
    cursor.execute(f"CREATE TEMP TABLE staged ({made}) ON COMMIT DROP")
    _copy(cursor, "pg_temp.staged", columns, rows)
    cursor.execute("ANALYZE pg_temp.staged")


def _copy(
    cursor: Any, table: str, columns: Mapping[str, str], rows: Iterator[tuple[Any, ...]]
) -> None:
    names = ", ".join(columns)
    with cursor.copy(f"COPY {table} ({names}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(list(columns.values()))
        for row in rows:
            copy.write_row(row)
