"""Files that are opened by a name: regular ones alone, for opening a pipe waits for its writer."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

# What the caller hands over opened, such as a shell's <(COMMAND): there is a writer, or was one.
_HANDED_OVER = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")


def open_regular(file: Path) -> IO[bytes]:
    """Open a regular file, a link to one, or what the caller hands over opened.

    Raises:
        OSError: it cannot be opened, or is another thing; `strerror` says what.
    """
    kind = None if str(file).startswith(_HANDED_OVER) else irregular(file)
    if kind is not None:
        raise OSError(errno.EINVAL, f"it is a {kind}, expected a file", str(file))
    return file.open("rb")


def irregular(file: Path) -> str | None:
    """Return what a path is, None for a regular file and where there is nothing."""
    try:
        mode = file.stat().st_mode
    except OSError:  # also a link that leads nowhere, or in a circle
        return None
    return None if stat.S_ISREG(mode) else kind_of(mode)


def irregular_within(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield what in a folder, at any depth, is neither file nor folder, and what it is."""
    for place, _, files in os.walk(folder):
        for name in files:
            file = Path(place, name)
            if (kind := irregular(file)) is not None:
                yield file, kind


def kind_of(mode: int) -> str:
    """Return what a path is that is not a file."""
    kinds = {
        stat.S_IFDIR: "folder",
        stat.S_IFIFO: "named pipe",
        stat.S_IFSOCK: "socket",
        stat.S_IFCHR: "device",
        stat.S_IFBLK: "device",
    }
    return kinds.get(stat.S_IFMT(mode), "special file")
