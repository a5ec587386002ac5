"""Reading the same files again: what is new is added, what is gone is removed, the rest stays.

After an update the index holds of every named file, and of every file that is or was in a named
folder, just what the files say now. Documents of other files, and documents that came by other
ways, are left alone.

All files are read first, so that an error in one is known before anything is embedded. It changes
nothing, or, where `Reading.skip_unreadable` says so, the file is left out: what the index holds of
it stays as it is. Then new and changed documents are embedded and committed block by block, and
stale ones go last. A process that dies keeps the blocks it committed; the next update adds the
rest.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import PurePosixPath
from typing import NamedTuple

from secondpass.atomic import beside
from secondpass.checks import shortened
from secondpass.errors import InputError
from secondpass.ingest.columns import UNIQUE_IDS
from secondpass.ingest.files import SourceFile, lies_in
from secondpass.ingest.readers import UNREADABLE, Reading
from secondpass.ingest.sources import (
    Stamp,
    Stamps,
    State,
    holding_of,
    is_settled,
    read_stamps,
    state_of,
    write_stamps,
)
from secondpass.ingest.waiting import Waiting
from secondpass.progress import Advance, ProgressBar, silent
from secondpass.retrieval.blocks import BATCH, in_blocks
from secondpass.retrieval.contract import TextEmbedder
from secondpass.retrieval.index import Index, Stored
from secondpass.retrieval.places import Place
from secondpass.retrieval.records import Record
from secondpass.retrieval.stores.filters import ColumnType
from secondpass.retrieval.stores.lance_schema import TABLE_FOLDER
from secondpass.retrieval.stores.postgres_address import Address
from secondpass.states.codec import StatePrecision
from secondpass.states.contract import StateEncoder

Contents = Mapping[str, Stored]

# The id that a chunk, a row without one or a chunk of such a row is given: see `readers`.
_MADE_ID = re.compile(r"(.+)#\d+(?:-\d+)?@[0-9a-f]{12}(?:#\d+-\d+)?", re.DOTALL)


class Update(NamedTuple):
    """How many documents were `added` (new or changed), `unchanged` and `removed`."""

    added: int
    unchanged: int
    removed: int


@dataclass(slots=True)
class Changes:
    """What an update has to do: records that wait, and ids that are stale.

    `unchanged` counts documents; `stamps` are of the files that were read, None for one that has
    none.
    """

    waiting: Waiting
    unchanged: int = 0
    stale: set[str] = field(default_factory=set)
    stamps: dict[str, Stamp | None] = field(default_factory=dict)


def update_index(
    index: Index, reading: Reading, *, reread: bool = False, progress: ProgressBar = silent
) -> Update:
    """Bring an index up to date with files; an error while reading changes nothing.

    What the index holds of a file that `reading` leaves out for an error stays as it is.

    Args:
        index: let one update at a time write to it.
        reading: the files.
        reread: read also the files that have not changed since they were read.
        progress: makes a bar from a description and a total, of files and of texts.

    Raises:
        InputError: a file cannot be read, two documents have one id, or one has the id of a
            document that another file, or another way, put into the index.
    """
    with Waiting(index.directory) as waiting:
        known = {} if reread or index.directory is None else read_stamps(index.directory)
        changes = find_changes(contents_of(index), reading, known, waiting, progress)
        return apply_changes(index, changes, progress)


def contents_of(index: Index) -> Contents:
    """Return what an index holds; where it has an id twice, one of the two is removed."""
    contents = index.stored()
    if len(contents) < len(index):
        index.mend()
        contents = index.stored()
    return contents


def find_changes(
    contents: Contents,
    reading: Reading,
    known: Stamps,
    waiting: Waiting,
    progress: ProgressBar = silent,
) -> Changes:
    """Read the files and return what must be done to an index.

    Args:
        contents: what the index holds.
        reading: the files.
        known: what is known of them: an unchanged file, all of whose documents are there, is not
            read.
        waiting: takes the records that are to be added.
        progress: as for `update_index`.

    Raises:
        InputError: as `update_index`.
    """
    changes = Changes(waiting)
    reading.begin()
    named = reading.found.named
    held = _by_source(contents)
    files = [(file, _is_known(file, reading.rules, known, held)) for file in reading.found.files]
    # Their ids are seen before any file is read: another file may not take one of them.
    seen = {id_ for file, is_known in files if is_known for id_ in held.get(file.source, ())}
    left_alone = len(seen)
    with progress("reading", len(files)) as advance:
        for file, is_known in files:
            if not is_known:
                _read(_named_as_before(file, held), reading, contents, seen, changes)
            advance(1)
    _keep_failed(held, reading.failed, seen)
    changes.unchanged += left_alone
    changes.stale = stale_ids(contents, named, seen)
    return changes


def apply_changes(index: Index, changes: Changes, progress: ProgressBar = silent) -> Update:
    """Embed and commit what waits, block by block; then remove what is stale.

    Raises:
        IndexFileError: the folder cannot be written.
    """
    _keep_stamps(index, changes)
    with progress("embedding", len(changes.waiting)) as advance:
        added = _add(index, in_blocks(changes.waiting.records()), advance)
    removed = index.delete(changes.stale)
    if added or removed:
        index.tidy()
    return Update(added, changes.unchanged, removed)


def make_index(
    place: Place,
    embedder: TextEmbedder,
    changes: Changes,
    progress: ProgressBar = silent,
    *,
    states: StatePrecision | None = None,
    encoder: StateEncoder | None = None,
    columns: Mapping[str, ColumnType] | None = None,
) -> Update:
    """Make an index of what waits; a folder is there as soon as it holds the first block.

    `states`, `encoder` and `columns` are as for `Index.create`.

    Raises:
        IndexFileError: the place cannot be written.
    """
    parts = in_blocks(changes.waiting.records())
    with progress("embedding", len(changes.waiting)) as advance:
        if isinstance(place, Address):
            index = Index.create(place, embedder, states=states, encoder=encoder, columns=columns)
            added = _add(index, islice(parts, 1), advance)
        else:
            with beside(place / TABLE_FOLDER) as written:
                begun = Index.create(
                    written.parent, embedder, states=states, encoder=encoder, columns=columns
                )
                added = _add(begun, islice(parts, 1), advance)
                written.replace(place / TABLE_FOLDER)
            index = Index.open(place, embedder, encoder=encoder)
        _keep_stamps(index, changes)
        added += _add(index, parts, advance)
    index.tidy()
    return Update(added, changes.unchanged, 0)


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
                f"{UNIQUE_IDS}"
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
        id_ for id_, stored in contents.items() if id_ not in seen and lies_in(stored.source, named)
    }


def removed_of(contents: Contents, stale: Collection[str], source: str) -> int:
    """Return how many of the stale documents came from a file, or from the files of a folder."""
    return sum(lies_in(contents[id_].source, (source,)) for id_ in stale)


def _add(index: Index, parts: Iterable[Iterator[Record]], advance: Advance) -> int:
    return sum(
        index.add(block, replace=True, batch_size=BATCH, progress=advance) for block in parts
    )


def _keep_stamps(index: Index, changes: Changes) -> None:
    if index.directory is None:
        return
    with suppress(OSError):  # without stamps the files are read again, no more
        stamps = {**read_stamps(index.directory), **changes.stamps}
        known = {source: stamp for source, stamp in stamps.items() if stamp is not None}
        write_stamps(index.directory, known)


def _by_source(contents: Contents) -> Mapping[str, Mapping[str, str]]:
    """Return of each source the digests of its documents by id."""
    held: dict[str, dict[str, str]] = defaultdict(dict)
    for id_, stored in contents.items():
        if stored.source is not None:
            held[stored.source][id_] = stored.digest
    return held


def _is_known(
    file: SourceFile, rules: str, known: Stamps, held: Mapping[str, Mapping[str, str]]
) -> bool:
    """Tell whether a file is as it was read, and the index holds what it gave."""
    stamp = known.get(file.source)
    if stamp is None or stamp.rules != rules:
        return False
    if stamp.holding != holding_of(held.get(file.source, {}).items()):
        return False
    return stamp.state == _state(file)


def _named_as_before(file: SourceFile, held: Mapping[str, Mapping[str, str]]) -> SourceFile:
    """Return a file under the name that its ids in the index have, if there are some.

    So they stay where the file is named by another of the folders it lies in.
    """
    made = (_MADE_ID.fullmatch(id_) for id_ in held.get(file.source, ()))
    names = {match[1] for match in made if match and match[1].endswith(file.path.name)}
    return file._replace(shown=min(names)) if names else file


def _read(
    file: SourceFile, reading: Reading, contents: Contents, seen: set[str], changes: Changes
) -> None:
    """Read one file: keep what is new or changed, and what it gave; nothing of one that fails."""
    before = _state(file)
    changes.stamps[file.source] = None
    gave: list[tuple[str, str]] = []
    all_its_own = True
    with Waiting(changes.waiting.folder) as whole:
        try:
            for record in reading.records(file):
                whole.add(record)
                gave.append((record.id, record.digest))
                all_its_own = all_its_own and record.source == file.source
        except UNREADABLE as error:
            reading.fail(file.source, error)
            return
        added = 0
        records = _not_taken(contents, whole.records(), reading.found.named)
        for record in changed(contents, records, seen):
            changes.waiting.add(record)
            added += 1
    changes.unchanged += len(gave) - added
    # Rows with a source of their own cannot be found again by their file.
    if before is not None and before == _state(file) and is_settled(before) and all_its_own:
        changes.stamps[file.source] = Stamp(before, reading.rules, holding_of(gave))


def _keep_failed(
    held: Mapping[str, Mapping[str, str]], failed: Mapping[str, str], seen: set[str]
) -> None:
    """See the ids of files, and of files in folders, that were left out.

    Raises:
        InputError: another file has taken one of them.
    """
    kept = {source: ids for source, ids in held.items() if lies_in(source, failed)}
    for source, ids in kept.items():
        taken = next((id_ for id_ in ids if id_ in seen), None)
        if taken is not None:
            raise InputError(
                f"id {shortened(taken)} comes twice: the index holds it of {source}, which cannot "
                f"be read; mend that file, or {UNIQUE_IDS}"
            )
        seen.update(ids)


def _state(file: SourceFile) -> State | None:
    try:
        return state_of(file.path)
    except OSError:  # it is gone: who reads it says so
        return None


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
    if not own and not lies_in(source, named):
        raise InputError(
            f"id {shortened(record.id)} of {record.source} is in the index already, from "
            f"{source or 'elsewhere'}; {UNIQUE_IDS}; indexed together, both show which clash"
        )
