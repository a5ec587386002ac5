"""Text files, plain or gzipped, line by line; errors name the file."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO, cast

from secondpass.utf8 import read_lines


def numbered_lines(file: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not empty, numbered from 1."""
    for number, line in enumerate(read_lines(file), start=1):
        if line.strip():
            yield number, line


def open_to_write(file: Path) -> TextIO:
    """Open a file for UTF-8 text; one whose name ends in .gz is gzipped."""
    if file.suffix == ".gz":
        return cast(TextIO, gzip.open(file, "wt", encoding="utf-8"))
    return file.open("w", encoding="utf-8")


def find_text_file(folder: Path, name: str) -> Path | None:
    """Return `name` or `name`.gz in a folder, None where there is neither."""
    for file in (folder / name, folder / f"{name}.gz"):
        if file.is_file():
            return file
    return None
