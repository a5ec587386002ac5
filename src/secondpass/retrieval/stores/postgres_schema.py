"""The tables of an index in PostgreSQL, and what they say they were made for.

An index is a schema. Each search reads a table of its own, which is no larger than it needs:
`vectors`, `terms`, `columns` (the declared ones) and `documents` (all else of a row). `place` is a
row's number in all four. `meta` is one row, and `commits` has the tokens of a day's writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from secondpass.errors import Either, IndexFileError
from secondpass.retrieval.stores.bm25 import Statistics
from secondpass.retrieval.stores.contract import (
    TERMS,
    EmbedderIdentity,
    FeatureIdentity,
    GraphApproximation,
    StoreIdentity,
)
from secondpass.retrieval.stores.filters import ColumnType
from secondpass.retrieval.stores.lance_filters import COLUMN
from secondpass.retrieval.stores.postgres_address import Address
from secondpass.retrieval.stores.postgres_connections import COMMITS
from secondpass.retrieval.stores.postgres_filters import SQL_TYPES

FORMAT = 1
TABLES = ("documents", "vectors", "terms", "columns")
TERMS_INDEX = "terms_by_term"
# A vector of more bytes does not fit into a page of 8 KiB with the rest of its row.
_PLAIN_BYTES = 7_600
# The most dimensions of a vector of pgvector's.
MOST_DIMENSIONS = 16_000


@dataclass(frozen=True, slots=True)
class Meta:
    """What an index says of itself.

    `numbers` is declared column -> the number of its column in the table; `lacking` documents have
    no terms, and `next_place` is free. With another `version` the rows have other terms.
    """

    embedder: EmbedderIdentity
    features: Mapping[str, FeatureIdentity]
    columns: Mapping[str, ColumnType]
    numbers: Mapping[str, int]
    next_number: int
    approximation: GraphApproximation | None
    statistics: Statistics
    lacking: int
    next_place: int
    version: str

    @property
    def identity(self) -> StoreIdentity:
        """What it was made for."""
        return StoreIdentity(self.embedder, self.features, self.columns)

    @property
    def kept(self) -> list[str]:
        """The features that are columns of `documents`."""
        return [name for name in self.features if name != TERMS]

    @property
    def fields(self) -> dict[str, str]:
        """Declared column -> column of the table `columns`; no other table has one of its name."""
        return {name: f"{COLUMN}{number}" for name, number in self.numbers.items()}


class Tables:
    """The names of an index's tables, quoted, and the statements that make and change them."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.schema = address.schema
        self.documents, self.vectors, self.terms, self.columns = (
            f"{self.schema}.{name}" for name in TABLES
        )
        self.meta = f"{self.schema}.meta"

    def exist(self, cursor: Any) -> bool:
        """Tell whether there is an index."""
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [self.meta])
        return bool(cursor.fetchone()[0])

    def create(self, cursor: Any, identity: StoreIdentity) -> None:
        """Make an empty index."""
        dimension = identity.embedder.dimension
        features = "".join(f", {name} bytea" for name in identity.features if name != TERMS)
        numbers = {name: number for number, name in enumerate(identity.columns)}
        kinds = [SQL_TYPES[kind] for kind in identity.columns.values()]
        declared = "".join(f", {described(f'{COLUMN}{at}', kind)}" for at, kind in enumerate(kinds))
        storage = "PLAIN" if dimension * 4 <= _PLAIN_BYTES else "EXTERNAL"
        for statement in (
            f"CREATE SCHEMA {self.schema}",
            f"CREATE TABLE {self.documents} (place int8 PRIMARY KEY,"
            ' id text COLLATE "C" NOT NULL UNIQUE, text text NOT NULL, metadata text NOT NULL,'
            f" digest text NOT NULL, source text{features})",
            f"CREATE TABLE {self.vectors} (place int8 PRIMARY KEY,"
            f" vector vector({dimension}) NOT NULL)",
            f"ALTER TABLE {self.vectors} ALTER COLUMN vector SET STORAGE {storage}",
            f"CREATE TABLE {self.terms} (place int8 PRIMARY KEY, terms int4[])",
            self.make_terms_index(),
            f"CREATE TABLE {self.columns} (place int8 PRIMARY KEY{declared})",
            f"CREATE TABLE {self.meta} (one bool PRIMARY KEY CHECK (one), format int4, said text,"
            " texts int8, total_terms int8, lacking int8, next_place int8)",
            f"CREATE TABLE {self.schema}.{COMMITS} (token text PRIMARY KEY,"
            " at timestamptz NOT NULL DEFAULT now())",
            f"INSERT INTO {self.meta} VALUES (true, {FORMAT}, '', 0, 0, 0, 0)",
        ):
            cursor.execute(statement)
        self.plain_features(cursor, identity.features)
        meta = Meta(
            identity.embedder,
            identity.features,
            identity.columns,
            numbers,
            len(numbers),
            None,
            Statistics(0, 0),
            0,
            0,
            "",
        )
        self.write_meta(cursor, meta)

    def make_terms_index(self) -> str:
        """Return the statement that makes the index of terms."""
        return f"CREATE INDEX {TERMS_INDEX} ON {self.terms} USING gin (terms)"

    def plain_features(self, cursor: Any, features: Iterable[str]) -> None:
        """Keep features as they are given: numbers of a model cannot be compressed."""
        for name in features:
            if name != TERMS:
                cursor.execute(
                    f"ALTER TABLE {self.documents} ALTER COLUMN {name} SET STORAGE EXTERNAL"
                )

    def add_columns(self, cursor: Any, columns: Mapping[str, ColumnType], meta: Meta) -> Meta:
        """Add declared columns, all null, and return what the index is to say of itself."""
        numbers = {name: meta.next_number + at for at, name in enumerate(columns)}
        for name, kind in columns.items():
            added = described(f"{COLUMN}{numbers[name]}", SQL_TYPES[kind])
            cursor.execute(f"ALTER TABLE {self.columns} ADD COLUMN {added}")
        return replace(
            meta,
            columns={**meta.columns, **columns},
            numbers={**meta.numbers, **numbers},
            next_number=meta.next_number + len(columns),
        )

    def read_meta(self, cursor: Any) -> Meta:
        """Return what the index says of itself.

        Raises:
            IndexFileError: another version made it, or it does not say.
        """
        cursor.execute(
            "SELECT format, said, texts, total_terms, lacking, next_place, xmin::text"
            f" FROM {self.meta}"
        )
        row = cursor.fetchone()
        if row is None or row[0] != FORMAT:
            raise IndexFileError(
                f"index {self.address} has format {row and row[0]}, this version reads format "
                f"{FORMAT}: make a new index under another name with ",
                Either("Index.create", "secondpass index PATH... --into URL"),
                " and add the documents again",
            )
        try:
            said = json.loads(row[1])
            made = {name: FeatureIdentity(**one) for name, one in said["features"].items()}
            graph = said["approximation"]
            return Meta(
                EmbedderIdentity(**said["embedder"]),
                made,
                said["columns"],
                said["numbers"],
                said["next_number"],
                None if graph is None else GraphApproximation(**graph),
                Statistics(row[2], row[3]),
                *row[4:],
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise IndexFileError(
                f"index {self.address} does not say what it was made with ({error!r}): make a new "
                "one"
            ) from error

    def write_meta(self, cursor: Any, meta: Meta) -> None:
        """Say what the index is; what counts its rows is left as it is."""
        said = {
            "embedder": meta.embedder._asdict(),
            "features": {name: one._asdict() for name, one in meta.features.items()},
            "columns": dict(meta.columns),
            "numbers": dict(meta.numbers),
            "next_number": meta.next_number,
            "approximation": None if meta.approximation is None else meta.approximation._asdict(),
        }
        cursor.execute(f"UPDATE {self.meta} SET said = %s", [json.dumps(said)])

    def delete(self, cursor: Any, condition: str, values: Sequence[Any]) -> int:
        """Delete the rows of which a condition is true; return how many there were.

        Args:
            cursor: of the transaction.
            condition: over `documents d` and `columns c`.
            values: what goes into it.
        """
        cursor.execute(
            f"WITH gone AS MATERIALIZED (SELECT place FROM {self.documents} d"
            f" JOIN {self.columns} c USING (place) WHERE {condition}),"
            f" d AS (DELETE FROM {self.documents} x USING gone g WHERE x.place = g.place),"
            f" v AS (DELETE FROM {self.vectors} x USING gone g WHERE x.place = g.place),"
            f" c AS (DELETE FROM {self.columns} x USING gone g WHERE x.place = g.place),"
            f" t AS (DELETE FROM {self.terms} x USING gone g WHERE x.place = g.place"
            " RETURNING terms)"
            " SELECT count(*), count(*) - count(terms), coalesce(sum(cardinality(terms)), 0)::int8"
            " FROM t",
            values,
        )
        rows, lacking, total = cursor.fetchone()
        self.count(cursor, -rows, -lacking, -total)
        return int(rows)

    def count(self, cursor: Any, rows: int, lacking: int, terms: int) -> None:
        """Add to what `meta` counts: rows, those that lack terms, and the terms of the others."""
        if rows:
            cursor.execute(
                f"UPDATE {self.meta} SET texts = texts + %s::int8, lacking = lacking + %s::int8,"
                " total_terms = total_terms + %s::int8",
                [rows, lacking, terms],
            )

    def count_anew(self, cursor: Any) -> None:
        """Count all rows in `meta`."""
        cursor.execute(
            f"UPDATE {self.meta} SET (texts, lacking, total_terms) = (SELECT count(*), count(*) -"
            f" count(terms), coalesce(sum(cardinality(terms)), 0)::int8 FROM {self.terms})"
        )


def described(column: str, kind: str) -> str:
    """Return a column of a table as SQL describes it; text is in the order of its code points."""
    collated = ' COLLATE "C"' if kind == "text" else ""
    return f"{column} {kind}{collated}"
