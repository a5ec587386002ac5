"""Text files, plain or gzipped: found by name, opened to write."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TextIO, cast


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
