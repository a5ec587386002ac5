"""What is known of the files an index was made of, so that an unchanged file is not read again.

A stamp says: read under these rules, a file of this state gives these documents. It says nothing of
the index. Whether the index holds just these documents is seen in the index, each time; so stamps
may be written before the documents are, and a process that dies between the two does no harm.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import msgspec

from secondpass.atomic import write_text
from secondpass.regular_files import open_regular
from secondpass.retrieval.places import Place
from secondpass.retrieval.stores.lance import SOURCES_FILE
from secondpass.retrieval.stores.postgres_address import Address

# A file changed within the same tick of its clock keeps its time of change; FAT counts two seconds.
_TICK_NS = 2_000_000_000


class State(NamedTuple):
    """What the system says of a file; of one that changed, at least one number is another."""

    size: int
    modified_ns: int
    changed_ns: int
    inode: int


class Holding(NamedTuple):
    """How many documents there are, and a number that stands for their ids and contents."""

    documents: int
    digest: int


class Stamp(NamedTuple):
    """What reading a file gave."""

    state: State
    rules: str
    holding: Holding


Stamps = Mapping[str, Stamp]


def state_of(file: Path) -> State:
    """Return a file's state.

    Raises:
        OSError: it is not there.
    """
    found = file.stat()
    return State(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def is_settled(state: State) -> bool:
    """Tell whether a change after now would be seen: its time would be another."""
    return time.time_ns() - state.modified_ns > _TICK_NS


def holding_of(documents: Iterable[tuple[str, str]]) -> Holding:
    """Return what stands for documents, given as id and digest, in any order."""
    count, total = 0, 0
    for id_, digest in documents:
        count += 1
        hashed = blake2b(f"{id_}\0{digest}".encode(), digest_size=7).digest()
        total = (total + int.from_bytes(hashed, "little")) % 2**56
    return Holding(count, total)


def read_stamps(folder: Place) -> Stamps:
    """Return the stamps that an index folder keeps, by file; none where they cannot be read.

    An index in a database keeps none: it is for many machines, and a stamp is of one.
    """
    if isinstance(folder, Address):
        return {}
    try:
        with open_regular(folder / SOURCES_FILE) as stream:
            return msgspec.json.decode(stream.read(), type=dict[str, Stamp])
    except (OSError, msgspec.MsgspecError, RecursionError):
        return {}


def write_stamps(folder: Path, stamps: Stamps) -> None:
    """Keep stamps, but those of files that are gone.

    Raises:
        OSError: they cannot be written.
    """
    kept = {source: stamp for source, stamp in sorted(stamps.items()) if os.path.lexists(source)}
    write_text(folder / SOURCES_FILE, msgspec.json.encode(kept).decode() + "\n")
