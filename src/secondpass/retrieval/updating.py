"""Reading the same files again: what is new is added, what is gone is removed, the rest stays.

After `update_index` the index holds of every named file, and of every file that is or was in a
named folder, just what the files say now. Documents of other files, and documents that came by
other ways, are left alone. New and changed documents come in one commit, then stale ones go in a
second: a process that dies between the two leaves old beside new, and the next update mends it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

from secondpass.errors import InputError
from secondpass.retrieval.index import Index
from secondpass.retrieval.reading import Reading
from secondpass.retrieval.records import content_digest, encode_metadata
from secondpass.types import Document


class Update(NamedTuple):
    """How many documents were `added` (new or changed), `unchanged` and `removed`."""

    added: int
    unchanged: int
    removed: int


def update_index(
    index: Index, reading: Reading, *, progress: Callable[[int], None] | None = None
) -> Update:
    """Bring an index up to date with files; an error while reading changes nothing.

    `progress` is called with the number of texts just embedded.

    Raises:
        InputError: a file cannot be read, two documents have one id, or one has the id of a
            document that another file, or another way, put into the index.
    """
    seen: set[str] = set()
    documents = _not_taken(index, reading)
    added = index.add(new_documents(index, documents, seen), replace=True, progress=progress)
    removed = index.delete(stale_ids(index, reading, seen))
    return Update(added, len(seen) - added, removed)


def new_documents(
    index: Index, documents: Iterable[Document], seen: set[str] | None = None
) -> Iterator[Document]:
    """Yield the documents whose id is not in the index, or has another text or metadata there.

    Args:
        index: where they may be already.
        documents: each with an id of its own.
        seen: every id that passes, yielded or not, is put into it.

    Raises:
        InputError: two documents have one id.
    """
    seen = set() if seen is None else seen
    held = index.digests()
    for document in documents:
        if document.id in seen:
            raise InputError(
                f"id {document.id!r} comes twice, the second time from "
                f"{document.metadata.get('source')}; give every row an id of its own"
            )
        seen.add(document.id)
        metadata = encode_metadata(document.metadata, document.id)
        if held.get(document.id) != content_digest(document.text, metadata):
            yield document


def _not_taken(index: Index, reading: Reading) -> Iterator[Document]:
    """Yield the documents, and refuse one that would take the place of another file's."""
    held = {id_: metadata.get("source") for id_, metadata in index.metadata()}
    for document in reading:
        source, there = document.metadata.get("source"), held.get(document.id)
        taken = document.id in held and there != source and not _lies_in(there, reading.found.named)
        # A source that is no absolute path is a column of the row itself: it may change.
        if taken and (there is None or PurePosixPath(str(there)).is_absolute()):
            raise InputError(
                f"id {document.id!r} of {source} is in the index already, from "
                f"{there or 'elsewhere'}; give each row an id of its own, or index both together "
                "to see which clash"
            )
        yield document


def stale_ids(index: Index, reading: Reading, seen: Collection[str]) -> set[str]:
    """Return the ids in the index that come from the reading's files and folders but were not seen.

    `seen` must hold every id of the reading. A document belongs to a file by its `source`.
    """
    named = reading.found.named
    return {
        id_
        for id_, metadata in index.metadata()
        if id_ not in seen and _lies_in(metadata.get("source"), named)
    }


def _lies_in(source: object, named: Iterable[str]) -> bool:
    if not isinstance(source, str):
        return False
    path = PurePosixPath(source)
    return any(path.is_relative_to(folder) for folder in named)
