"""Files and folders that are there whole or not at all: written beside their place, then moved.

A process that is killed while it writes leaves the folder it wrote in. That folder holds a lock of
its writer, so the next writer, or `sweep`, sees that nobody writes there and removes it.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from secondpass.locks import locked

WRITING = ".writing-"
_LOCK = "writer.lock"
# A writer makes its folder and then its lock: one that young may be between the two.
_YOUNG_SECONDS = 1.0
# Without a lock in it a folder is of a writer that has none; none writes for that long.
_OLD_SECONDS = 3600.0
# A block of most file systems: less may fit on a disk that is full.
_TRIAL_BYTES = 4096
# A file that is mounted by itself can be written, and not be replaced.
_NOT_REPLACEABLE = (errno.EBUSY, errno.EXDEV)


@contextmanager
def beside(place: Path, prefix: str = WRITING) -> Iterator[Path]:
    """Give a path of the same name on the same disk; what is left there at the end is removed.

    Nothing is at the path yet. Folders above `place` are made. What dead writers with this prefix
    left in the same folder is removed.

    Raises:
        OSError: nothing can be written there.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    sweep(place.parent, prefix)
    with (
        tempfile.TemporaryDirectory(dir=place.parent, prefix=prefix) as folder,
        locked(Path(folder) / _LOCK),
    ):
        inner = Path(folder) / "new"
        inner.mkdir()
        yield inner / place.name


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """Give a path to write to; it takes the place of `file` when the block ends without an error.

    A link stays, and what it leads to is replaced. What is not a regular file, such as /dev/stdout,
    is written as it is.

    Raises:
        OSError: nothing can be written there.
    """
    place = Path(os.path.realpath(file))
    if place.exists() and not place.is_file():
        yield file
        return
    with beside(place) as written:
        yield written
        if place.exists():
            shutil.copymode(place, written)
        _move(written, place)


def write_text(file: Path, text: str) -> None:
    """Write UTF-8 text whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    with replacing(file) as written:
        written.write_text(text, encoding="utf-8")


def try_writing(file: Path) -> None:
    """Write a block beside a file and remove it, to know ahead that `replacing` can.

    Raises:
        OSError: it cannot.
    """
    place = Path(os.path.realpath(file))
    if place.exists() and not (place.is_file() and os.access(place, os.W_OK)):
        with place.open("ab"):
            return
    with beside(place) as written:
        written.write_bytes(bytes(_TRIAL_BYTES))


def sweep(folder: Path, prefix: str = WRITING) -> None:
    """Remove what writers left in a folder that died while they wrote; a failure is no error."""
    try:
        found = list(folder.glob(f"{prefix}*"))
    except OSError:  # a folder of another user
        return
    for left in found:
        try:
            if left.is_dir() and not left.is_symlink() and _is_dead(left):
                shutil.rmtree(left, ignore_errors=True)
        except OSError:  # another sweeper was first, or it is not ours to remove
            continue


def _is_dead(left: Path) -> bool:
    """Tell whether nobody writes in such a folder any more."""
    lock = left / _LOCK
    if not lock.exists():
        return time.time() - left.stat().st_mtime > _OLD_SECONDS
    if time.time() - lock.stat().st_mtime < _YOUNG_SECONDS:
        return False
    with locked(lock, seconds=0) as free:
        return free


def _move(written: Path, place: Path) -> None:
    try:
        written.replace(place)
    except OSError as error:
        if error.errno not in _NOT_REPLACEABLE:
            raise
        shutil.copyfile(written, place)
