"""Files and folders to records, lazily: text in chunks, rows one by one.

Ids and sources. A chunk's id is `path#start-end@digest`: the path from the folder that was named,
with that folder's name (`SourceFile.shown`), the chunk's place in characters, and a digest of the
absolute path and the chunk's text. So an id changes when the content does, and not with the current
folder. Its metadata have its `page` (and `last_page`), the `heading` it is under and the `title` of
its document, where there are such. A row is known by its `id` (or `_id`) column, else by
`path#line@digest`; a row that is too long for one document is cut into chunks, whose ids add
`#start-end`. The metadata's `source` is the file's absolute path; `updating` goes by it.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from secondpass.checks import shortened
from secondpass.errors import InputError, MissingExtraError
from secondpass.ingest.chunking import Chunk, Chunker
from secondpass.ingest.columns import UNIQUE_IDS, USUAL, Columns, Parts
from secondpass.ingest.documents import DOCUMENTS, read_document, reader_versions
from secondpass.ingest.files import Found, SourceFile, find_files
from secondpass.ingest.headings import Outline
from secondpass.ingest.tables import TABLES, read_rows, suffix_of
from secondpass.ingest.texts import TEXTS, Text, read_text_file
from secondpass.jsonl import Where
from secondpass.retrieval.columns import column_values
from secondpass.retrieval.records import Record, content_digest, to_record
from secondpass.retrieval.stores.filters import ColumnType
from secondpass.types import Document

# Raised when a reader gives other records of the same file.
RULES = 3

SUFFIXES = (*TEXTS, *DOCUMENTS, *TABLES)
# What leaves a file out, where that is asked for.
UNREADABLE = (InputError, MissingExtraError)


@dataclass(frozen=True, slots=True)
class Reading:
    """The records of files; iterating reads the files, every time anew.

    `found` says which files are read and which are skipped. With `skip_unreadable` a file with an
    error in it gives no record at all, and `failed` says why: source -> reason, of the last time
    that they were read. Without it the error ends the reading. A row whose value of a `declared`
    column has another type is such an error.
    """

    found: Found
    chunker: Chunker
    columns: Columns = USUAL
    delimiter: str | None = None
    skip_unreadable: bool = False
    declared: Mapping[str, ColumnType] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def rules(self) -> str:
        """Return what decides the records of a file beside its content, for its stamp."""
        rules = f"{RULES} {self.chunker.rules} {self.columns} {self.delimiter!r}"
        return f"{rules} {reader_versions()}"

    def records(self, file: SourceFile) -> Iterator[Record]:
        """Yield the records of one file.

        Raises:
            InputError: the file has an error; the records before it were yielded.
            MissingExtraError: what reads it is not installed.
        """
        _check_name(file)
        suffix = suffix_of(file.path)
        if suffix in TABLES:
            yield from self._rows(file)
        elif suffix in DOCUMENTS:
            yield from self._chunks(file, read_document(file.path))
        else:
            yield from self._chunks(file, read_text_file(file.path))

    def begin(self) -> None:
        """Begin to read: nothing failed but folders that cannot be listed.

        Raises:
            InputError: there is one, and it is not to be skipped.
        """
        self.failed.clear()
        for source, reason in self.found.unreadable:
            self.fail(source, InputError(reason))

    def fail(self, source: str, error: InputError | MissingExtraError) -> None:
        """Note that a file is left out.

        Raises:
            InputError, MissingExtraError: it is not to be skipped.
        """
        if not self.skip_unreadable:
            raise error
        self.failed[source] = str(error)

    def __iter__(self) -> Iterator[Record]:
        self.begin()
        for file in self.found.files:
            try:
                # Of a file that may be left out every record is checked before one is given.
                records = self.records(file)
                yield from (list(records) if self.skip_unreadable else records)
            except UNREADABLE as error:
                self.fail(file.source, error)

    def _chunks(self, file: SourceFile, text: Text) -> Iterator[Record]:
        place = _Places(text)
        for chunk in self.chunker.split(text.text, markdown=text.markup == "markdown"):
            digest = content_digest(chunk.text, file.source)[:12]
            metadata = {
                "source": file.source,
                "start": chunk.start,
                "end": chunk.end,
                **place.of(chunk),
            }
            id_ = f"{file.shown}#{chunk.start}-{chunk.end}@{digest}"
            if self.declared:
                column_values(metadata, self.declared, file.source)
            yield to_record(Document(id_, chunk.text, metadata), id_)

    def _rows(self, file: SourceFile) -> Iterator[Record]:
        lines: dict[str, int] = {}
        for where, row in read_rows(file.path, self.delimiter):
            record = _row(self.columns.parts(row, where), file, where)
            first = lines.setdefault(record.id, where.number)
            if first != where.number:
                raise InputError(
                    f"{where}: id {shortened(record.id)} comes twice, first in {where.unit} "
                    f"{first}; {UNIQUE_IDS}"
                )
            if self.declared:
                column_values(record.document.metadata, self.declared, str(where))
            yield from split_long(record, self.chunker)


def read_documents(
    paths: Iterable[str | os.PathLike[str]],
    chunker: Chunker,
    *,
    columns: Columns = USUAL,
    delimiter: str | None = None,
    skip_unreadable: bool = False,
    held: Collection[str | None] = (),
    declared: Mapping[str, ColumnType] | None = None,
) -> Reading:
    """Find the files that paths name; a folder stands for the files in it at any depth.

    Paths are checked now, contents while iterating; a file's error names the file and the line or
    the byte. In a folder, files of other suffixes, hidden ones and links that lead out of it are
    skipped and listed. A file of white space alone has no document.

    Args:
        paths: files and folders.
        chunker: cuts texts, and the rows that are too long for one document.
        columns: which columns of a table are its id, its title and its text.
        delimiter: what parts the cells of CSV files.
        skip_unreadable: leave a file with an error out, and say so in `Reading.failed`.
        held: sources of what the index holds: a path they came from may be gone; an update then
            removes them.
        declared: the index's declared columns, by which the rows are checked.

    Raises:
        InputError: a path is not there and gave nothing of `held`, or is not a regular file or has
            a suffix that has no reader.
    """
    found = find_files(paths, SUFFIXES, held)
    return Reading(found, chunker, columns, delimiter, skip_unreadable, declared or {})


def _check_name(file: SourceFile) -> None:
    try:
        file.source.encode()
    except UnicodeEncodeError:
        shown = os.fsencode(file.path).decode(errors="backslashreplace")
        raise InputError(f"{shown} has a name that is not UTF-8: rename it") from None


class _Places:
    """Where in a document its chunks are."""

    def __init__(self, text: Text) -> None:
        self._title = {"title": text.title} if text.title else {}
        self._outline = Outline(text.headings)
        self._pages = text.pages

    def of(self, chunk: Chunk) -> dict[str, Any]:
        """Return the pages of a chunk, its headings and the title of its document."""
        heading = self._outline.of(chunk.start, chunk.end)
        pages = self._pages_of(chunk)
        return {**pages, **({"heading": heading} if heading else {}), **self._title}

    def _pages_of(self, chunk: Chunk) -> dict[str, int]:
        first, last = self._page_at(chunk.start), self._page_at(chunk.end - 1)
        if first is None:
            return {}
        return {"page": first, **({"last_page": last} if last not in (None, first) else {})}

    def _page_at(self, place: int) -> int | None:
        before = bisect_right(self._pages, place, key=lambda page: page.start)
        return self._pages[before - 1].number if before else None


def _row(parts: Parts, file: SourceFile, where: Where) -> Record:
    """Make a row's record: its own id, else one of path, line and content.

    `source` is added to the metadata, unless the row has a column of that name.
    """
    metadata = {"source": file.source, **parts.rest}
    record = to_record(Document(parts.id or "-", parts.text, metadata), str(where))
    if parts.id is not None:
        return record
    return replace(record, id=f"{file.shown}#{where.number}@{record.digest[:12]}")


def split_long(record: Record, chunker: Chunker) -> Iterator[Record]:
    """Yield the record, or one for each chunk of a text that is too long for one document.

    A chunk has `start` and `end`, its place in the row's text, unless the row has such columns.
    """
    if not chunker.is_long(record.text):
        yield record
        return
    metadata = record.document.metadata
    for chunk in chunker.split(record.text):
        place = {"start": chunk.start, "end": chunk.end}
        id_ = f"{record.id}#{chunk.start}-{chunk.end}"
        yield to_record(Document(id_, chunk.text, {**place, **metadata}), id_)
