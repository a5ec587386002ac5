"""Reading the same files again: what is new is added, what is gone is removed, the rest stays.

After `update_index` the index holds of every named file, and of every file that is or was in a
named folder, just what the files say now. Documents of other files, and documents that came by
other ways, are left alone. New and changed documents come in one commit, then stale ones go in a
second: a process that dies between the two leaves old beside new, and the next update mends it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

from secondpass.checks import shortened
from secondpass.errors import InputError
from secondpass.ingest.readers import Reading
from secondpass.retrieval.index import Index, Stored
from secondpass.retrieval.records import Record

Contents = Mapping[str, Stored]


class Update(NamedTuple):
    """How many documents were `added` (new or changed), `unchanged` and `removed`."""

    added: int
    unchanged: int
    removed: int


def update_index(
    index: Index, reading: Reading, *, progress: Callable[[int], None] | None = None
) -> Update:
    """Bring an index up to date with files; an error while reading changes nothing.

    What the index holds of a file that `reading` leaves out for an error stays as it is.

    `progress` is called with the number of texts just embedded.

    Raises:
        InputError: a file cannot be read, two documents have one id, or one has the id of a
            document that another file, or another way, put into the index.
    """
    contents = index.stored()
    named = reading.found.named
    seen: set[str] = set()
    records = changed(contents, _not_taken(contents, reading, named), seen)
    added = index.add(records, replace=True, progress=progress)
    removed = index.delete(stale_ids(_without(contents, reading.failed), named, seen))
    return Update(added, len(seen) - added, removed)


def changed(
    contents: Contents, records: Iterable[Record], seen: set[str] | None = None
) -> Iterator[Record]:
    """Yield the records whose id is not in the index, or has another content there.

    Args:
        contents: what the index holds.
        records: each with an id of its own.
        seen: every id that passes, yielded or not, is put into it.

    Raises:
        InputError: two records have one id.
    """
    seen = set() if seen is None else seen
    for record in records:
        if record.id in seen:
            raise InputError(
                f"id {shortened(record.id)} comes twice, the second time from {record.source}; "
                "give every row an id of its own"
            )
        seen.add(record.id)
        stored = contents.get(record.id)
        if stored is None or stored.digest != record.digest:
            yield record


def stale_ids(contents: Contents, named: Collection[str], seen: Collection[str]) -> set[str]:
    """Return the ids in the index that come from the named files and folders but were not seen.

    `seen` must hold every id of the reading. A document belongs to a file by its `source`.
    """
    return {
        id_
        for id_, stored in contents.items()
        if id_ not in seen and _lies_in(stored.source, named)
    }


def _without(contents: Contents, sources: Collection[str]) -> Contents:
    """Leave out what comes from these files, or from the files in these folders."""
    if not sources:
        return contents
    return {id_: stored for id_, stored in contents.items() if not _lies_in(stored.source, sources)}


def _not_taken(
    contents: Contents, records: Iterable[Record], named: Collection[str]
) -> Iterator[Record]:
    """Yield the records, and refuse one that would take the place of another file's."""
    for record in records:
        stored = contents.get(record.id)
        if stored is not None and stored.source != record.source:
            _check_own(record, stored.source, named)
        yield record


def _check_own(record: Record, source: str | None, named: Collection[str]) -> None:
    # A source that is not an absolute path is a column of the row itself: it may change.
    own = source is not None and not PurePosixPath(source).is_absolute()
    if not own and not _lies_in(source, named):
        raise InputError(
            f"id {shortened(record.id)} of {record.source} is in the index already, from "
            f"{source or 'elsewhere'}; give each row an id of its own, or index both together to "
            "see which clash"
        )


def _lies_in(source: str | None, named: Iterable[str]) -> bool:
    if source is None:
        return False
    path = PurePosixPath(source)
    return any(path.is_relative_to(folder) for folder in named)
