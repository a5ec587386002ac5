"""Files and folders to records, lazily: text in chunks, rows one by one.

Ids and sources. A chunk's id is `path#start-end@digest`: the path from the folder that was named,
with that folder's name (`SourceFile.shown`), the chunk's place in characters, and a digest of the
absolute path and the chunk's text. So an id changes when the content does, and not with the current
folder. A row is known by its `id` (or `_id`) column, else by `path#line@digest`. The metadata's
`source` is the file's absolute path; `updating` goes by it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from secondpass.ingest.chunking import Chunker
from secondpass.ingest.files import Found, SourceFile, find_files
from secondpass.ingest.tabular_files import read_csv, read_json_lines
from secondpass.retrieval.records import Record, content_digest, to_record
from secondpass.types import Document
from secondpass.utf8 import read_text

# Raised when a reader gives other records of the same file.
RULES = 1

Reader = Callable[[SourceFile, Chunker], Iterator[Record]]


@dataclass(frozen=True, slots=True)
class Reading:
    """The records of files; iterating reads the files, every time anew.

    `found` says which files are read and which are skipped.
    """

    found: Found
    chunker: Chunker

    @property
    def rules(self) -> str:
        """Return what decides the records of a file beside its content, for its stamp."""
        return f"{RULES} {self.chunker.rules}"

    def records(self, file: SourceFile) -> Iterator[Record]:
        """Yield the records of one file."""
        return READERS[file.path.suffix.lower()](file, self.chunker)

    def __iter__(self) -> Iterator[Record]:
        for file in self.found.files:
            yield from self.records(file)


def read_documents(paths: Iterable[str | os.PathLike[str]], chunker: Chunker) -> Reading:
    """Find the files that paths name; a folder stands for the files in it at any depth.

    Paths are checked now, contents while iterating; a file's error names the file and the line or
    the byte. In a folder, files of other suffixes and hidden ones are skipped and listed. A file of
    white space alone has no document.

    Raises:
        InputError: a path is not there, or is a file with a suffix that has no reader.
    """
    return Reading(find_files(paths, READERS), chunker)


def _chunks(file: SourceFile, chunker: Chunker, *, markdown: bool) -> Iterator[Record]:
    for chunk in chunker.split(read_text(file.path), markdown=markdown):
        digest = content_digest(chunk.text, file.source)[:12]
        document = Document(
            f"{file.shown}#{chunk.start}-{chunk.end}@{digest}",
            chunk.text,
            {"source": file.source, "start": chunk.start, "end": chunk.end},
        )
        yield to_record(document, document.id)


def _json_lines(file: SourceFile, _: Chunker) -> Iterator[Record]:
    return read_json_lines(file)


def _csv(file: SourceFile, _: Chunker) -> Iterator[Record]:
    return read_csv(file)


READERS: Mapping[str, Reader] = MappingProxyType(
    {
        ".txt": partial(_chunks, markdown=False),
        ".rst": partial(_chunks, markdown=False),
        ".md": partial(_chunks, markdown=True),
        ".markdown": partial(_chunks, markdown=True),
        ".jsonl": _json_lines,
        ".ndjson": _json_lines,
        ".csv": _csv,
    }
)
