"""Index: documents and their vectors in a folder on disk, searched exactly."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import islice
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

from secondpass.checks import integer
from secondpass.errors import IndexExistsError, IndexFileError, InputError
from secondpass.retrieval.contract import (
    EmbedderIdentity,
    TextEmbedder,
    TextTokeniser,
    Vectors,
    embed_checked,
)
from secondpass.retrieval.lance import (
    TABLE_FOLDER,
    create_table,
    file_errors,
    ids_condition,
    is_index,
    nearest_rows,
    open_table,
    read_rows,
    record_batch,
    stored_identity,
    stored_tokenizer,
)
from secondpass.retrieval.records import (
    Record,
    checked_id,
    content_digest,
    decode_metadata,
    to_record,
)
from secondpass.retrieval.spool import Spool
from secondpass.scoring.candidates import checked_query, checked_texts
from secondpass.scoring.encode import TokenIds
from secondpass.scoring.tokenised import TokenisedText
from secondpass.types import Document, RetrievedDocument

Progress = Callable[[int], None]


class Index:
    """Documents, their metadata and their vectors in a LanceDB folder. Make it with create or open.

    Any number of threads and processes may read while one writes: each read sees the latest
    commit, whole, and each add or delete is one commit. Writes through one Index wait for each
    other. Two processes that write at once may commit the same id twice: let one write.
    """

    def __init__(self, folder: Path, table: Any, embedder: TextEmbedder) -> None:
        self.folder = folder
        self._table = table
        self._embedder = embedder
        self._writing = threading.Lock()
        self._tokenizer = stored_tokenizer(table, folder)

    @classmethod
    def create(
        cls, folder: str | os.PathLike[str], embedder: TextEmbedder, *, exist_ok: bool = False
    ) -> Index:
        """Make an empty index in a folder that is new or empty.

        Args:
            folder: where; folders above it are made too.
            embedder: every text of the index, and every query, is embedded with it.
            exist_ok: open the index that is there, if there is one.

        Raises:
            IndexExistsError: there is an index already.
            InputError: the folder holds something else, or is a file.
            IndexFileError: the folder cannot be written.
            MissingExtraError: LanceDB is not installed.
        """
        path = Path(folder).absolute()
        if is_index(path):
            if exist_ok:
                return cls.open(path, embedder)
            raise IndexExistsError(
                f"there is an index in {path}; use Index.open, or pass exist_ok=True"
            )
        _check_vacant(path)
        tokenizer = embedder.tokenizer_digest if isinstance(embedder, TextTokeniser) else None
        return cls(path, create_table(path, EmbedderIdentity.of(embedder), tokenizer), embedder)

    @classmethod
    def open(cls, folder: str | os.PathLike[str], embedder: TextEmbedder) -> Index:
        """Open an index with the embedder it was made with.

        Raises:
            IndexFileError: no index is there, it cannot be read, or it has another embedder.
            MissingExtraError: LanceDB is not installed.
        """
        path = Path(folder).absolute()
        if not is_index(path):
            raise IndexFileError(f"there is no index in {path}; make one with Index.create")
        table = open_table(path)
        held, given = stored_identity(table, path), EmbedderIdentity.of(embedder)
        if not held.agrees_with(given):
            raise IndexFileError(
                f"index {path} was made with the embedder {held}, not with {given}: open it with "
                "the first, or make a new index with Index.create and add the documents again"
            )
        return cls(path, table, embedder)

    def add(
        self,
        documents: Iterable[Document | Mapping[str, Any]],
        *,
        replace: bool = False,
        batch_size: int = 1024,
        progress: Progress | None = None,
    ) -> int:
        """Embed documents and keep them: all of them in one commit, or, after any error, none.

        They are taken one by one and wait in a file in the index's folder, so memory holds one
        batch and every id; with `replace`, and ids that are there already, LanceDB holds the
        added data in memory as it merges.

        Args:
            documents: Documents, or mappings: `text` (else `content`) is the text, `id` the id (a
                digest of the content without it), every other field metadata. A text may be empty.
            replace: put a document in the place of one with its id; of two in this call with one
                id the later is kept. Without it such an id is an error.
            batch_size: texts that are embedded at a time.
            progress: called with the number of texts just embedded.

        Returns:
            How many documents were put into the index.

        Raises:
            InputError: a document that cannot be kept as it is; the message names its position.
            IndexFileError: the folder cannot be read or written.
        """
        integer("batch_size", batch_size)
        if isinstance(documents, str | bytes | Mapping) or not isinstance(documents, Iterable):
            raise InputError(f"documents is {type(documents).__name__}, expected a list of them")
        with file_errors(self.folder, "read"):
            schema = self._table.schema
        with Spool(self.folder, schema) as spool:
            rows: dict[str, int] = {}
            records = self._checked(documents, rows, replace)
            while batch := list(islice(records, batch_size)):
                vectors = embed_checked(self._embedder, [record.text for record in batch], progress)
                spool.write(record_batch(batch, vectors, schema, self._tokenise(batch)))
            if rows:
                self._commit(spool, rows, replace)
        return len(rows)

    def delete(self, ids: Iterable[str]) -> int:
        """Remove the documents with these ids in one commit; an unknown id is no error.

        Returns:
            How many documents were removed.

        Raises:
            InputError: `ids` is one string, or holds something that is no id.
        """
        wanted = {checked_id(id_, f"ids[{at}]") for at, id_ in enumerate(checked_texts(ids, "ids"))}
        with self._writing:
            found = wanted & self.ids()
            if found:
                with file_errors(self.folder, "written"):
                    self._table.delete(ids_condition(sorted(found)))
        return len(found)

    def search(self, query: str, limit: int = 10) -> list[RetrievedDocument]:
        """Return the documents nearest to a query by cosine, nearest first.

        Every vector is compared, so the answer is exact. Equal similarities are in the order of
        their ids. An index of less than `limit` documents gives all of them.

        Raises:
            InputError: the query is empty, or `limit` is no whole number of at least 1.
            IndexFileError: the folder cannot be read.
        """
        integer("limit", limit)
        return self.search_vector(self.embed_query(query), limit)

    def embed_query(self, query: str) -> Vectors:
        """Return a query's unit vector, float32 [dimension]: the first half of `search`.

        Raises:
            InputError: the query is empty.
        """
        vector: Vectors = embed_checked(self._embedder, [checked_query(query)])[0]
        return vector

    def search_vector(self, vector: Vectors, limit: int = 10) -> list[RetrievedDocument]:
        """Return the documents nearest to a vector, nearest first: the second half of `search`.

        Raises:
            InputError: the vector has another dimension or no direction, or `limit` is no whole
                number of at least 1.
            IndexFileError: the folder cannot be read.
        """
        self._check_vector(vector)
        wanted = min(integer("limit", limit), len(self))
        if wanted == 0:
            return []
        # One row more than wanted shows whether the last place is shared; then more are needed
        # to choose among the equals by id.
        asked = wanted + 1
        while True:
            rows = nearest_rows(self._table, self.folder, vector, asked)
            found = [_retrieved(row, self._tokenizer) for row in rows]
            found.sort(key=lambda document: (-document.similarity, document.id))
            if len(found) < asked or found[wanted - 1].similarity > found[-1].similarity:
                return found[:wanted]
            asked *= 2

    @property
    def embedder(self) -> EmbedderIdentity:
        """Name, digest and dimension of the embedder of all its vectors."""
        return EmbedderIdentity.of(self._embedder)

    def ids(self) -> set[str]:
        """Return the id of every document."""
        return {id_ for (id_,) in read_rows(self._table, self.folder, ["id"])}

    def digests(self) -> dict[str, str]:
        """Return id -> content digest of every document, to tell what has changed."""
        rows = read_rows(self._table, self.folder, ["id", "text", "metadata"])
        return {id_: content_digest(text, metadata) for id_, text, metadata in rows}

    def metadata(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the id and metadata of every document, in no order."""
        for id_, encoded in read_rows(self._table, self.folder, ["id", "metadata"]):
            yield id_, decode_metadata(encoded, id_)

    def documents(self) -> Iterator[Document]:
        """Yield every document, in no order."""
        for id_, text, encoded in read_rows(self._table, self.folder, ["id", "text", "metadata"]):
            yield Document(id_, text, decode_metadata(encoded, id_))

    def optimize(self, *, keep_minutes: float = 60.0) -> None:
        """Merge the files of many small adds into few, and free the space of what was replaced.

        What a writer left that died in its commit is freed when it is a week old.

        Args:
            keep_minutes: commits younger than this stay on disk, for readers that are still in
                them. Must be above 0.

        Raises:
            InputError: `keep_minutes` is no number above 0.
            IndexFileError: the folder cannot be read or written.
        """
        number = isinstance(keep_minutes, int | float) and not isinstance(keep_minutes, bool)
        if not number or not 0 < keep_minutes < inf:
            raise InputError(f"keep_minutes is {keep_minutes!r}, expected a number above 0")
        # LanceDB counts whole milliseconds, and takes 0 for all, also for what is in use.
        kept = timedelta(milliseconds=max(1.0, keep_minutes * 60_000))
        with self._writing, file_errors(self.folder, "written"):
            self._table.optimize(cleanup_older_than=kept)

    def __len__(self) -> int:
        with file_errors(self.folder, "read"):
            return int(self._table.count_rows())

    def __repr__(self) -> str:
        return f"Index({str(self.folder)!r}, {self._embedder.name!r})"

    def _checked(
        self, documents: Iterable[Any], rows: dict[str, int], replace: bool
    ) -> Iterator[Record]:
        """Yield checked records and put the last row of each id into `rows`."""
        present: set[str] = set() if replace else self.ids()
        for position, item in enumerate(documents):
            record = to_record(item, f"document {position}")
            if not replace and record.id in present:
                raise InputError(
                    f"document {position}: id {record.id!r} is already in the index {self.folder}; "
                    "pass replace=True to put it in the old one's place"
                )
            if not replace and record.id in rows:
                raise InputError(
                    f"document {position}: id {record.id!r} is also document {rows[record.id]}'s; "
                    "leave one out, or pass replace=True to keep the later"
                )
            rows[record.id] = position
            yield record

    def _tokenise(self, records: Sequence[Record]) -> list[TokenIds] | None:
        """Return the ids to keep; None where the embedder has not the tokenizer of this index."""
        embedder = self._embedder
        if not isinstance(embedder, TextTokeniser) or embedder.tokenizer_digest != self._tokenizer:
            return None
        return embedder.tokenise([record.text for record in records])

    def _check_vector(self, vector: Vectors) -> None:
        shape = (self._embedder.dimension,)
        if np.shape(vector) != shape:
            raise InputError(f"vector has the shape {np.shape(vector)}, expected {shape}")
        length = float(np.linalg.norm(vector))
        if not 0 < length < inf:
            raise InputError(f"vector has the length {length}, expected a direction")

    def _commit(self, spool: Spool, rows: Mapping[str, int], replace: bool) -> None:
        with self._writing:
            present = self.ids() & rows.keys()
            if present and not replace:
                raise InputError(
                    f"id {min(present)!r} came into the index {self.folder} during this add; "
                    "let one writer at a time add to it"
                )
            with file_errors(self.folder, "written"):
                if present:
                    merge = self._table.merge_insert("id").when_matched_update_all()
                    merge.when_not_matched_insert_all().execute(spool.reader(rows))
                else:
                    self._table.add(spool.reader(rows))


def _check_vacant(folder: Path) -> None:
    if folder.is_dir() and any(entry.name != TABLE_FOLDER for entry in folder.iterdir()):
        raise InputError(f"folder {folder} holds something else; name a new or an empty one")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file, expected a folder")


def _retrieved(row: Mapping[str, Any], tokenizer: str | None) -> RetrievedDocument:
    """Return a row as a document; its text brings the token ids that are kept of it."""
    similarity = max(-1.0, min(1.0, 1.0 - row["_distance"]))
    metadata = decode_metadata(row["metadata"], row["id"])
    text, ids = row["text"], row["token_ids"]
    if ids is not None and tokenizer is not None:
        text = TokenisedText(text, ids, tokenizer)
    return RetrievedDocument(row["id"], text, metadata, similarity)
