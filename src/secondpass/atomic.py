"""Files and folders that are there whole or not at all: written beside their place, then moved."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def beside(place: Path, prefix: str = ".writing-") -> Iterator[Path]:
    """Give a path of the same name on the same disk; what is left there at the end is removed.

    Nothing is at the path yet. Folders above `place` are made.

    Raises:
        OSError: nothing can be written there.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=prefix) as folder:
        yield Path(folder) / place.name


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """Give a path to write to; it takes the place of `file` when the block ends without an error.

    Raises:
        OSError: nothing can be written there.
    """
    with beside(file) as written:
        yield written
        written.replace(file)


def write_text(file: Path, text: str) -> None:
    """Write UTF-8 text whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    with replacing(file) as written:
        written.write_text(text, encoding="utf-8")
