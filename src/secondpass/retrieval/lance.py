"""All that is known here of LanceDB and pyarrow: a folder with one table."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from secondpass.errors import IndexFileError, MissingExtraError, SecondpassError
from secondpass.retrieval.contract import EmbedderIdentity, Vectors

TABLE = "documents"
TABLE_FOLDER = f"{TABLE}.lance"
FORMAT = 1
_METADATA_KEY = b"secondpass"


def arrow() -> Any:
    """Return the module pyarrow."""
    try:
        import pyarrow
    except ImportError as error:
        raise MissingExtraError("Index", "search") from error
    return pyarrow


def is_index(folder: Path) -> bool:
    """Tell whether a table was ever committed to this folder."""
    return any((folder / TABLE_FOLDER / "_versions").glob("*.manifest"))


def create_table(folder: Path, identity: EmbedderIdentity) -> Any:
    """Make an empty table and the folder with it."""
    with file_errors(folder, "created"):
        return _connect(folder).create_table(TABLE, schema=_schema(identity))


def open_table(folder: Path) -> Any:
    """Open the table of a folder that is there."""
    with file_errors(folder, "read"):
        return _connect(folder).open_table(TABLE)


def stored_identity(table: Any, folder: Path) -> EmbedderIdentity:
    """Return the embedder that a table was made with."""
    with file_errors(folder, "read"):
        held = json.loads((table.schema.metadata or {}).get(_METADATA_KEY, b"{}"))
    if held.get("format") != FORMAT:
        raise IndexFileError(
            f"index {folder} has format {held.get('format')}, this version reads {FORMAT}: make a "
            "new index with Index.create and add the documents again"
        )
    return EmbedderIdentity(held["name"], held["digest"], held["dimension"])


def record_batch(rows: Sequence[tuple[str, str, str]], vectors: Vectors, schema: Any) -> Any:
    """Return (id, text, metadata) rows and their vectors as one Arrow batch."""
    pa = arrow()
    ids, texts, metadata = zip(*rows, strict=True)
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
    columns = [pa.array(ids), pa.array(texts), pa.array(metadata), column]
    return pa.record_batch(columns, schema=schema)


def read_rows(table: Any, folder: Path, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Yield the columns of every row of the latest commit, a batch in memory at a time."""
    with file_errors(folder, "read"):
        batches = iter(table.search().select(list(columns)).to_batches())
    while True:
        with file_errors(folder, "read"):
            batch = next(batches, None)
            if batch is None:
                return
            values = [batch.column(name).to_pylist() for name in columns]
        yield from zip(*values, strict=True)


def nearest_rows(table: Any, folder: Path, vector: Vectors, limit: int) -> list[dict[str, Any]]:
    """Return the `limit` rows of least cosine distance, every vector compared; ties unordered."""
    with file_errors(folder, "read"):
        query = table.search(vector, vector_column_name="vector").distance_type("cosine")
        chosen = query.select(["id", "text", "metadata", "_distance"]).limit(limit)
        rows: list[dict[str, Any]] = chosen.to_arrow().to_pylist()
    return rows


def ids_condition(ids: Iterable[str]) -> str:
    """Return SQL that is true of these ids. A quote is the only character special in a literal."""
    return f"id IN ({', '.join(_literal(id_) for id_ in ids)})"


@contextmanager
def file_errors(folder: Path, done: str) -> Iterator[None]:
    """Turn what LanceDB raises for a broken folder into an IndexFileError that names it."""
    try:
        yield
    except SecondpassError:
        raise
    except (RuntimeError, ValueError, OSError) as error:
        raise _file_error(folder, done, error) from error
    except BaseException as error:
        # A corrupt file can make LanceDB's Rust panic, which pyo3 derives from BaseException.
        if type(error).__name__ != "PanicException":
            raise
        raise _file_error(folder, done, error) from error


def _file_error(folder: Path, done: str, error: BaseException) -> IndexFileError:
    reason = re.sub(r",? ?/\S+\.rs:\d+:\d+", "", str(error)).strip() or type(error).__name__
    return IndexFileError(f"index {folder} cannot be {done}: {reason.splitlines()[0]}")


def _connect(folder: Path) -> Any:
    try:
        import lancedb
    except ImportError as error:
        raise MissingExtraError("Index", "search") from error
    # An interval of zero: every read looks for a newer commit, also one by another process.
    return lancedb.connect(folder, read_consistency_interval=timedelta(0))


def _schema(identity: EmbedderIdentity) -> Any:
    pa = arrow()
    texts = [pa.field(name, pa.string(), nullable=False) for name in ("id", "text", "metadata")]
    vector = pa.field("vector", pa.list_(pa.float32(), identity.dimension), nullable=False)
    held = {"format": FORMAT, **identity._asdict()}
    return pa.schema([*texts, vector], metadata={_METADATA_KEY: json.dumps(held)})


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
