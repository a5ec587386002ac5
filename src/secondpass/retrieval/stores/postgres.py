"""A store in PostgreSQL: a schema with tables, whose vectors are pgvector's."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace as replaced
from datetime import timedelta
from typing import Any, Self

from secondpass.checks import shortened
from secondpass.errors import Either, IndexExistsError, IndexFileError, InputError
from secondpass.progress import ProgressBar
from secondpass.retrieval.stores.contract import (
    TERMS,
    Column,
    FeatureIdentity,
    FeatureRows,
    FoundRow,
    GraphApproximation,
    Rows,
    StoreIdentity,
    Terms,
    Vectors,
    check_still_kept,
)
from secondpass.retrieval.stores.filters import ColumnType, Filter, Value
from secondpass.retrieval.stores.lance_schema import record_batch, schema_of
from secondpass.retrieval.stores.postgres_address import Address
from secondpass.retrieval.stores.postgres_approximate import build
from secondpass.retrieval.stores.postgres_connections import Connections
from secondpass.retrieval.stores.postgres_filters import to_sql
from secondpass.retrieval.stores.postgres_load import (
    delete_ids,
    fill,
    fill_columns,
    load,
    those_there,
)
from secondpass.retrieval.stores.postgres_schema import MOST_DIMENSIONS, TABLES, Tables
from secondpass.retrieval.stores.postgres_search import TermScores, matching, nearest
from secondpass.retrieval.stores.postgres_text import from_server, to_server
from secondpass.retrieval.stores.spool import Spool

# Rows of a scan that come at a time.
_SCANNED = 2_000


class PgVectorStore:
    """Implements `VectorStore`. Make it with create or open.

    Any number of processes may read while one writes: each read sees one commit. Writers wait for
    each other, by a lock of the database. A lost connection is made again, and a transaction that
    it ended too; what was committed is not done twice.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._connections = Connections(address)
        self._tables = Tables(address)
        self._term_scores = TermScores(self._tables)

    @classmethod
    def create(cls, address: Address, identity: StoreIdentity) -> Self:
        """Make an empty index.

        Raises:
            IndexExistsError: there is one.
            InputError: something else has its name, or vectors are longer than pgvector's can be.
            IndexFileError: the server cannot be reached or refuses, or it has no pgvector.
            MissingExtraError: psycopg or pgvector is not installed.
        """
        if identity.embedder.dimension > MOST_DIMENSIONS:
            raise InputError(
                f"the embedder makes vectors of {identity.embedder.dimension} dimensions, pgvector "
                f"holds up to {MOST_DIMENSIONS}"
            )
        store = cls(address)
        store._connections.once(lambda connection: _prepare(connection, address))

        def make(cursor: Any) -> None:
            if store._tables.exist(cursor):
                raise IndexExistsError(
                    f"there is an index in {address}",
                    Either("; use Index.open, or pass exist_ok=True", ""),
                )
            cursor.execute("SELECT to_regnamespace(%s) IS NOT NULL", [store._tables.schema])
            if cursor.fetchone()[0]:
                raise InputError(
                    f"the schema {address.index} of {address} holds something else; name another "
                    "with ?index=NAME"
                )
            store._tables.create(cursor, identity)

        store._connections.write(make)
        return store

    @classmethod
    def open(cls, address: Address) -> Self:
        """Open an index that is there.

        Raises:
            IndexFileError: none is there, the server cannot be reached or refuses, or another
                version made the index.
            MissingExtraError: psycopg or pgvector is not installed.
        """
        store = cls(address)
        if not store.exists():
            raise IndexFileError(
                f"there is no index in {address}; make one with ",
                Either("Index.create", "secondpass index PATH... --into URL"),
            )
        store.identity()
        return store

    def exists(self) -> bool:
        """Tell whether there is an index."""
        return self._connections.once(lambda connection: self._tables.exist(connection.cursor()))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.address,)

    @property
    def location(self) -> str:
        """Return the address, without its password."""
        return str(self.address)

    def identity(self) -> StoreIdentity:
        """Return what it was made for."""
        return self._connections.read(self._tables.read_meta).identity

    def count(self) -> int:
        """Return the number of rows."""

        def count(cursor: Any) -> int:
            cursor.execute(f"SELECT count(*) FROM {self._tables.documents}")
            return int(cursor.fetchone()[0])

        return self._connections.read(count)

    def write(self, batches: Iterable[Rows], *, replace: bool) -> int:
        """Keep the rows of all batches, or after an error none.

        They wait in a temporary file, so memory holds one batch and every id.
        """
        made = self.identity()
        with Spool(None, schema_of(made)) as spool:
            for batch in batches:
                spool.write(record_batch(batch, spool.schema, self.location))
            ids = list(map(to_server, spool.last_rows))
            if ids:
                self._connections.write(
                    lambda cursor: self._commit(cursor, spool, made, ids, replace=replace)
                )
            return len(ids)

    def nearest(
        self,
        vector: Vectors,
        limit: int,
        *,
        among: Collection[str] | None = None,
        where: Filter | None = None,
    ) -> list[FoundRow]:
        """Return the rows nearest to a unit vector, ties by id."""
        if among is not None and not among:
            return []
        return self._connections.read(
            lambda cursor: nearest(cursor, self._tables, vector, limit, among, where)
        )

    def matching(
        self,
        terms: Terms,
        limit: int,
        *,
        among: Collection[str] | None = None,
        where: Filter | None = None,
    ) -> list[FoundRow]:
        """Return the rows with the highest BM25, ties by id."""
        if (among is not None and not among) or not len(terms):
            return []
        return self._connections.read(
            lambda cursor: matching(
                cursor, self._tables, self._term_scores, terms, limit, among, where
            )
        )

    def approximate(self, progress: ProgressBar) -> GraphApproximation | None:
        """Build a graph of the vectors; other writers wait meanwhile, readers do not."""
        return self._connections.write(lambda cursor: build(cursor, self._tables, progress))

    def scan(
        self, columns: Sequence[Column], *, lacking: str | None = None
    ) -> Iterator[tuple[Any, ...]]:
        """Yield these columns of the rows, some in memory at a time."""
        tables = self._tables
        with self._connections.errors("read"), self._connections.reading() as cursor:
            kept = tables.read_meta(cursor).features
            if lacking is not None:
                check_still_kept([lacking], None, kept, self.location)
            without = "t" if lacking == TERMS else "d"
            cursor.execute(
                f"DECLARE scanned CURSOR FOR SELECT {', '.join(f'd.{name}' for name in columns)}"
                f" FROM {tables.documents} d"
                + (f" JOIN {tables.terms} t USING (place)" if without == "t" else "")
                + ("" if lacking is None else f" WHERE {without}.{lacking} IS NULL")
            )
            while True:
                cursor.execute(f"FETCH {_SCANNED} FROM scanned")
                rows = cursor.fetchall()
                if not rows:
                    return
                for row in rows:
                    yield tuple(one if one is None else from_server(one) for one in row)

    def change_features(self, features: Mapping[str, FeatureIdentity]) -> None:
        """Keep these features from now on."""
        tables = self._tables

        def change(cursor: Any) -> None:
            meta = tables.read_meta(cursor)
            old = meta.features
            gone = [name for name, identity in old.items() if features.get(name) != identity]
            new = [name for name, identity in features.items() if old.get(name) != identity]
            if TERMS in (*gone, *new):
                cursor.execute(f"UPDATE {tables.terms} SET terms = NULL WHERE terms IS NOT NULL")
                tables.count_anew(cursor)
            for name in gone:
                if name != TERMS:
                    cursor.execute(f"ALTER TABLE {tables.documents} DROP COLUMN {name}")
            for name in new:
                if name != TERMS:
                    cursor.execute(f"ALTER TABLE {tables.documents} ADD COLUMN {name} bytea")
            tables.plain_features(cursor, new)
            tables.write_meta(cursor, replaced(meta, features=dict(features)))

        self._connections.write(change)

    def declare(
        self, columns: Mapping[str, ColumnType], values_of: Callable[[str], Sequence[Value | None]]
    ) -> None:
        """Add the columns and fill them, in one transaction."""
        tables = self._tables

        def change(cursor: Any) -> None:
            meta = tables.add_columns(cursor, columns, tables.read_meta(cursor))
            cursor.execute(f"SELECT place, metadata FROM {tables.documents}")
            rows = [(place, values_of(from_server(text))) for place, text in cursor]
            named = {meta.fields[name]: kind for name, kind in columns.items()}
            fill_columns(cursor, tables, named, iter(rows))
            tables.write_meta(cursor, meta)

        self._connections.write(change)

    def fill(self, rows: FeatureRows) -> None:
        """Put features to rows that are there."""

        def put(cursor: Any) -> None:
            kept = self._tables.read_meta(cursor).features
            check_still_kept(rows.features, rows.identities, kept, self.location)
            fill(cursor, self._tables, rows)

        self._connections.write(put)

    def delete(self, ids: Iterable[str]) -> int:
        """Remove rows in one commit; return how many were there."""
        gone = sorted(set(map(to_server, ids)))
        if not gone:
            return 0
        return self._connections.write(lambda cursor: delete_ids(cursor, self._tables, gone))

    def delete_where(self, where: Filter) -> int:
        """Remove rows in one commit; return how many there were."""

        def delete(cursor: Any) -> int:
            meta = self._tables.read_meta(cursor)
            condition, values = to_sql(where, meta.fields, meta.columns)
            return self._tables.delete(cursor, condition, values)

        return self._connections.write(delete)

    def mend(self) -> int:
        """Do nothing: the table takes no id twice."""
        return 0

    def tidy(self) -> None:
        """Update the statistics by which the server plans; it frees space by itself."""
        self._run("ANALYZE")

    def optimize(self, keep: timedelta) -> None:
        """Free the space of what was replaced, but for what a reader can still see."""
        self._run("VACUUM (ANALYZE)")

    def _run(self, command: str) -> None:
        tables = ", ".join(f"{self._tables.schema}.{name}" for name in TABLES)
        self._connections.once(lambda connection: connection.execute(f"{command} {tables}"))

    def _commit(
        self, cursor: Any, spool: Spool, made: StoreIdentity, ids: Sequence[str], *, replace: bool
    ) -> None:
        there = those_there(cursor, self._tables, ids)
        if there and not replace:
            raise InputError(
                f"id {shortened(from_server(min(there)))} is in the index {self.location} already; "
                "pass replace=True to put a document in its place"
            )
        delete_ids(cursor, self._tables, there)
        load(cursor, self._tables, self._tables.read_meta(cursor), made, spool)


def _prepare(connection: Any, address: Address) -> None:
    """Check the database, and make the extension pgvector in it.

    Raises:
        InputError: the database is not in UTF-8.
        IndexFileError: the server has no pgvector, or the user may not use it.
    """
    import psycopg

    encoding = connection.execute("SHOW server_encoding").fetchone()[0]
    if encoding != "UTF8":
        raise InputError(f"the database of {address} is in {encoding}, expected UTF8")
    try:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
    except psycopg.Error as error:
        reason = str(error).splitlines()[0]
        raise IndexFileError(
            f"index {address} cannot be made without the extension pgvector: {reason}; install it "
            "on the server, and run CREATE EXTENSION vector in the database as its owner"
        ) from None
