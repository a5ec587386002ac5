"""A store in a folder: one table of LanceDB."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from secondpass.errors import IndexFileError, InputError
from secondpass.locks import locked
from secondpass.native import RefusedInForks, note_exit_of, rebuilt
from secondpass.progress import ProgressBar
from secondpass.regular_files import irregular_within
from secondpass.retrieval.stores.contract import (
    Approximation,
    Column,
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
from secondpass.retrieval.stores.features import to_arrow
from secondpass.retrieval.stores.filters import ColumnType, Filter, Value
from secondpass.retrieval.stores.lance_approximate import build
from secondpass.retrieval.stores.lance_errors import file_error, file_errors
from secondpass.retrieval.stores.lance_filters import (
    COLUMN,
    arrow_type,
    declaration,
    fields_in,
    left_behind,
    next_number,
    to_sql,
)
from secondpass.retrieval.stores.lance_schema import (
    TABLE,
    TABLE_FOLDER,
    feature_field,
    identity_in,
    record_batch,
    schema_of,
)
from secondpass.retrieval.stores.lance_search import LanceSearch, ids_condition
from secondpass.retrieval.stores.spool import Spool

# Lies with the files of the table, which Lance leaves alone that it does not know.
_COMMIT_LOCK = Path(TABLE_FOLDER, ".commit.lock")
# Who holds it is bringing the index up to date with files; and what is known of these.
UPDATE_LOCK = ".update.lock"
SOURCES_FILE = "sources.json"
# Vectors that were computed before they are written into the table.
VECTORS_FOLDER = ".vectors"
# What may lie in the folder of an index.
OWN_FILES = frozenset({TABLE_FOLDER, UPDATE_LOCK, SOURCES_FILE, VECTORS_FOLDER})
# The number of replaced commits that is worth a clean-up, and when a reader has left a commit: it
# reads many times these bytes a second.
_MANY_COMMITS = 20
_READ_SECONDS = 2.0
_READ_BYTES_PER_SECOND = 10_000_000


def is_index(folder: Path) -> bool:
    """Tell whether a table was ever committed to this folder."""
    return any((folder / TABLE_FOLDER / "_versions").glob("*.manifest"))


class LanceStore(RefusedInForks):
    """Implements `VectorStore`. Make it with create or open.

    Any number of processes may read while one writes: each read sees the latest commit, whole.
    Commits of several processes wait for each other, by a lock in the folder.
    """

    def __init__(self, folder: Path, table: Any) -> None:
        self.folder = folder
        self._table = table
        self._search = LanceSearch(folder, table)
        self._writing = threading.Lock()

    @classmethod
    def create(cls, folder: Path, identity: StoreIdentity) -> LanceStore:
        """Make an empty table and the folder with it.

        Raises:
            IndexFileError: the folder cannot be written.
            MissingExtraError: LanceDB is not installed.
        """
        _require_plain_files(folder)
        with file_errors(folder, "created"):
            return cls(folder, _connect(folder).create_table(TABLE, schema=schema_of(identity)))

    @classmethod
    def open(cls, folder: Path) -> LanceStore:
        """Open the table of a folder that is there.

        Raises:
            IndexFileError: it cannot be read, or was made by another version.
            MissingExtraError: LanceDB is not installed.
        """
        _require_plain_files(folder)
        with file_errors(folder, "read"):
            store = cls(folder, _connect(folder).open_table(TABLE))
        store.identity()
        return store

    def __reduce__(self) -> tuple[Any, ...]:
        known = {"folder": self.folder}
        return rebuilt, (type(self).open, (self.folder,), type(self), known)

    @property
    def location(self) -> str:
        """Return the folder."""
        return str(self.folder)

    def identity(self) -> StoreIdentity:
        """Return what it was made for."""
        with file_errors(self.folder, "read"):
            schema = self._table.schema
        return identity_in(schema, self.folder)

    def count(self) -> int:
        """Return the number of rows."""
        with file_errors(self.folder, "read"):
            return int(self._table.count_rows())

    def write(self, batches: Iterable[Rows], *, replace: bool) -> int:
        """Keep the rows of all batches, or after an error none.

        They wait in a file in the folder, so memory holds one batch and every id; with `replace`,
        and ids that are there already, LanceDB holds the added data in memory as it merges.
        """
        with file_errors(self.folder, "read"):
            schema = self._table.schema
        with file_errors(self.folder, "written"):
            spool = Spool(self.folder, schema)
        with spool:
            for batch in batches:
                with file_errors(self.folder, "written"):
                    spool.write(record_batch(batch, schema, self.location))
            if spool.last_rows:
                self._commit(spool, replace)
            return len(spool.last_rows)

    def nearest(
        self,
        vector: Vectors,
        limit: int,
        *,
        among: Collection[str] | None = None,
        where: Filter | None = None,
    ) -> list[FoundRow]:
        """Return the rows nearest to a unit vector, ties by id."""
        return self._search.nearest(vector, limit, among, where)

    def matching(
        self,
        terms: Terms,
        limit: int,
        *,
        among: Collection[str] | None = None,
        where: Filter | None = None,
    ) -> list[FoundRow]:
        """Return the rows with the highest BM25, ties by id."""
        return self._search.matching(terms, limit, among, where)

    def approximate(self, progress: ProgressBar) -> Approximation | None:
        """Build an index of the vectors; other writers wait meanwhile, readers do not."""
        with self._committing():
            return build(self._table, progress)

    def scan(
        self, columns: Sequence[Column], *, lacking: str | None = None
    ) -> Iterator[tuple[Any, ...]]:
        """Yield these columns of the rows, a batch in memory at a time."""
        with file_errors(self.folder, "read"):
            if lacking is not None:
                features = identity_in(self._table.schema, self.folder).features
                check_still_kept([lacking], None, features, self.location)
            query = self._table.search().select(list(columns))
            query = query if lacking is None else query.where(f"{lacking} IS NULL")
            batches = iter(query.to_batches())
        while True:
            with file_errors(self.folder, "read"):
                batch = next(batches, None)
                if batch is None:
                    return
                values = [batch.column(name).to_pylist() for name in columns]
            yield from zip(*values, strict=True)

    def change_features(self, features: Mapping[str, FeatureIdentity]) -> None:
        """Keep these features from now on."""
        with self._committing():
            old = identity_in(self._table.schema, self.folder).features
            gone = [name for name, identity in old.items() if features.get(name) != identity]
            new = [name for name, identity in features.items() if old.get(name) != identity]
            if gone:
                self._table.drop_columns(gone)
            if new:
                self._table.add_columns([feature_field(name, features[name]) for name in new])

    def declare(
        self, columns: Mapping[str, ColumnType], values_of: Callable[[str], Sequence[Value | None]]
    ) -> None:
        """Add the columns, fill them, and say so last: a column that does not say so is none."""
        import pyarrow as pa

        with self._committing():
            if gone := left_behind(self._table.schema):
                self._table.drop_columns(gone)
            number = next_number(self._table.schema)
            fields = {name: f"{COLUMN}{number + at}" for at, name in enumerate(columns)}
            types = [arrow_type(type_) for type_ in columns.values()]
            new = [pa.field(*one) for one in zip(fields.values(), types, strict=True)]
            rows = self._table.search().select(["id", "metadata"]).to_arrow()
            values = [values_of(metadata) for metadata in rows["metadata"].to_pylist()]
            self._table.add_columns(pa.schema(new))
            if values:
                by_column = zip(zip(*values, strict=True), types, strict=True)
                filled = [pa.array(list(one), type_) for one, type_ in by_column]
                table = pa.table([rows["id"], *filled], names=["id", *fields.values()])
                self._table.merge_insert("id").when_matched_update_all().execute(table)
            self._table.update_field_metadata(
                *(
                    {"path": field, "metadata": declaration(name, columns[name])}
                    for name, field in fields.items()
                )
            )

    def fill(self, rows: FeatureRows) -> None:
        """Put features to rows that are there."""
        import pyarrow as pa

        names = ["id", "digest", *rows.features]
        columns = [
            *(pa.array(values, pa.string()) for values in (rows.id, rows.digest)),
            *(to_arrow(name, values, len(rows.id)) for name, values in rows.features.items()),
        ]
        with self._committing():
            features = identity_in(self._table.schema, self.folder).features
            check_still_kept(rows.features, rows.identities, features, self.location)
            merge = self._table.merge_insert("id")
            merge = merge.when_matched_update_all(where="target.digest = source.digest")
            merge.execute(pa.table(columns, names=names))

    def delete(self, ids: Iterable[str]) -> int:
        """Remove rows in one commit; return how many were there."""
        condition = ids_condition(sorted(set(ids)))
        if condition is None:
            return 0
        with self._committing():
            there = int(self._table.count_rows(condition))
            if there:
                self._table.delete(condition)
        return there

    def delete_where(self, where: Filter) -> int:
        """Remove rows in one commit; return how many there were."""
        with self._committing():
            condition = to_sql(where, fields_in(self._table.schema))
            there = int(self._table.count_rows(condition))
            if there:
                self._table.delete(condition)
        return there

    def mend(self) -> int:
        """Remove all rows but one of each id, in one commit; return how many were removed."""
        with self._committing():
            rows = self._table.search().select(["id"]).with_row_id(True).to_arrow()
            kept = dict(zip(rows["id"].to_pylist(), rows["_rowid"].to_pylist(), strict=True))
            doubled = sorted(set(rows["_rowid"].to_pylist()) - set(kept.values()))
            if doubled:
                self._table.delete(f"_rowid IN ({', '.join(map(str, doubled))})")
        return len(doubled)

    def tidy(self) -> None:
        """Optimize if there are many commits that no reader can still be in."""
        files = [file.stat() for file in self.folder.rglob("*") if file.is_file()]
        bytes_ = sum(file.st_size for file in files)
        keep = timedelta(seconds=_READ_SECONDS + bytes_ / _READ_BYTES_PER_SECOND)
        oldest = time.time() - keep.total_seconds()
        versions = (self.folder / TABLE_FOLDER / "_versions").glob("*.manifest")
        if sum(file.stat().st_mtime < oldest for file in versions) > _MANY_COMMITS:
            self.optimize(keep)

    def optimize(self, keep: timedelta) -> None:
        """Merge the files of many small writes into few, and free the space of old commits.

        What a writer left that died in its commit is freed when it is a week old.
        """
        # LanceDB counts whole milliseconds, and takes 0 for all, also for what is in use.
        kept = max(timedelta(milliseconds=1), keep)
        with self._committing():
            self._table.optimize(cleanup_older_than=kept)

    @contextmanager
    def _committing(self) -> Iterator[None]:
        """Hold what other threads and processes wait for to commit; its errors are ours."""
        with self._writing, ExitStack() as stack:
            # The wait is no call into native code, which the end of this process would wait for.
            try:
                stack.enter_context(locked(self.folder / _COMMIT_LOCK))
            except OSError as error:
                raise file_error(self.folder, "written", error) from error
            stack.enter_context(file_errors(self.folder, "written"))
            yield

    def _commit(self, spool: Spool, replace: bool) -> None:
        with self._committing():
            there = self._there(spool.last_rows)
            if there and not replace:
                raise InputError(
                    f"id {min(there)!r} is in the index {self.folder} already; pass replace=True "
                    "to put a document in its place"
                )
            if there:
                merge = self._table.merge_insert("id").when_matched_update_all()
                merge.when_not_matched_insert_all().execute(self._fitting(spool))
            else:
                self._table.add(self._fitting(spool))

    def _fitting(self, spool: Spool) -> Any:
        """Return the rows with the features that the table keeps by the time of the commit."""
        import pyarrow as pa

        schema = self._table.schema
        if schema.equals(spool.schema, check_metadata=True):
            return spool.reader()
        check_same_columns(fields_in(spool.schema), fields_in(schema), self.location)
        made = identity_in(spool.schema, self.folder).features
        kept = identity_in(schema, self.folder).features
        lacking = kept.keys() - still_kept(made, kept)
        lacking |= set(schema.names) - set(spool.schema.names)
        batches = (
            pa.record_batch(
                [
                    pa.nulls(len(batch), field.type) if field.name in lacking else batch[field.name]
                    for field in schema
                ],
                schema=schema,
            )
            for batch in spool.reader()
        )
        return pa.RecordBatchReader.from_batches(schema, batches)

    def _there(self, ids: Iterable[str]) -> list[str]:
        """Return those of the ids that the latest commit has; all is done within Arrow."""
        import pyarrow as pa
        from pyarrow import compute

        if not self._table.count_rows():
            return []
        stored = self._table.search().select(["id"]).to_arrow().column("id")
        wanted = pa.array(ids, pa.string())
        found: list[str] = wanted.filter(compute.is_in(wanted, stored)).to_pylist()
        return found


def _require_plain_files(folder: Path) -> None:
    """Raise if there is what LanceDB would open and wait for, such as a pipe."""
    for file, kind in irregular_within(folder):
        raise IndexFileError(f"{file} is a {kind}, expected a file: remove it from the index")


def _connect(folder: Path) -> Any:
    import lancedb

    note_exit_of("lancedb._lancedb")
    # An interval of zero: every read looks for a newer commit, also one by another process.
    return lancedb.connect(folder, read_consistency_interval=timedelta(0))
