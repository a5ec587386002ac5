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
from secondpass.retrieval.token_ids import TOKEN_IDS, token_id_arrays, token_id_column
from secondpass.scoring.encode import TokenIds

TABLE = "documents"
TABLE_FOLDER = f"{TABLE}.lance"
# Format 1 had no token ids; it is read and added to as it is.
FORMATS = (1, 2)
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


def create_table(folder: Path, identity: EmbedderIdentity, tokenizer: str | None) -> Any:
    """Make an empty table and the folder with it; with a tokenizer it has a column of token ids."""
    with file_errors(folder, "created"):
        return _connect(folder).create_table(TABLE, schema=_schema(identity, tokenizer))


def open_table(folder: Path) -> Any:
    """Open the table of a folder that is there."""
    with file_errors(folder, "read"):
        return _connect(folder).open_table(TABLE)


def stored_identity(table: Any, folder: Path) -> EmbedderIdentity:
    """Return the embedder that a table was made with."""
    held = _held(table, folder)
    if held.get("format") not in FORMATS:
        raise IndexFileError(
            f"index {folder} has format {held.get('format')}, this version reads {FORMATS}: make a "
            "new index with Index.create and add the documents again"
        )
    return EmbedderIdentity(held["name"], held["digest"], held["dimension"])


def stored_tokenizer(table: Any, folder: Path) -> str | None:
    """Return the digest of the tokenizer whose ids a table keeps, None for a table without."""
    tokenizer: str | None = _held(table, folder).get("tokenizer")
    return tokenizer


def record_batch(
    rows: Sequence[tuple[str, str, str]],
    vectors: Vectors,
    schema: Any,
    token_ids: Sequence[TokenIds] | None = None,
) -> Any:
    """Return (id, text, metadata) rows, their vectors and token ids as one Arrow batch.

    Without ids the rows of a table that has a column for them have none.
    """
    pa = arrow()
    ids, texts, metadata = zip(*rows, strict=True)
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
    columns = [pa.array(ids), pa.array(texts), pa.array(metadata), column]
    if TOKEN_IDS in schema.names:
        columns.append(token_id_column(token_ids, len(rows)))
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
    """Return the `limit` rows of least cosine distance, every vector compared; ties unordered.

    Each has `token_ids`, int32 [n] or None.
    """
    with file_errors(folder, "read"):
        has_ids = TOKEN_IDS in table.schema.names
        query = table.search(vector, vector_column_name="vector").distance_type("cosine")
        columns = ["id", "text", "metadata", "_distance", *([TOKEN_IDS] if has_ids else [])]
        found = query.select(columns).limit(limit).to_arrow()
        rows: list[dict[str, Any]] = found.select(columns[:4]).to_pylist()
    held = token_id_arrays(found.column(TOKEN_IDS)) if has_ids else [None] * len(rows)
    return [{**row, TOKEN_IDS: ids} for row, ids in zip(rows, held, strict=True)]


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


def _held(table: Any, folder: Path) -> dict[str, Any]:
    """Return what the table says of itself."""
    with file_errors(folder, "read"):
        held: dict[str, Any] = json.loads((table.schema.metadata or {}).get(_METADATA_KEY, b"{}"))
    return held


def _schema(identity: EmbedderIdentity, tokenizer: str | None) -> Any:
    pa = arrow()
    texts = [pa.field(name, pa.string(), nullable=False) for name in ("id", "text", "metadata")]
    vector = pa.field("vector", pa.list_(pa.float32(), identity.dimension), nullable=False)
    held = {"format": FORMATS[-1], **identity._asdict(), "tokenizer": tokenizer}
    ids = [] if tokenizer is None else [pa.field(TOKEN_IDS, pa.list_(pa.int32()))]
    return pa.schema([*texts, vector, *ids], metadata={_METADATA_KEY: json.dumps(held)})


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
