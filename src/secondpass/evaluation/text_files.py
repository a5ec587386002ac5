"""Text files, plain or gzipped, line by line; errors name the file."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO, cast

from secondpass.errors import InputError


def numbered_lines(file: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not empty, numbered from 1."""
    try:
        with open_text(file, "rt") as stream:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    yield number, line
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{file} cannot be read: {reason}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not UTF-8 at byte {error.start}; convert it first") from None


def open_text(file: Path, mode: str) -> TextIO:
    """Open a UTF-8 file; one whose name ends in .gz is gzipped."""
    if file.suffix == ".gz":
        return cast(TextIO, gzip.open(file, mode, encoding="utf-8"))
    return cast(TextIO, file.open(mode, encoding="utf-8"))


def find_text_file(folder: Path, name: str) -> Path | None:
    """Return `name` or `name`.gz in a folder, None where there is neither."""
    for file in (folder / name, folder / f"{name}.gz"):
        if file.is_file():
            return file
    return None
