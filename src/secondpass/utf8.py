"""UTF-8 files to text: the one place that says what is wrong with a file that is not."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from secondpass.errors import InputError


def read_text(file: Path) -> str:
    """Return a file's text, its line ends as they are, without a byte order mark.

    A file whose name ends in .gz is gzipped.

    Raises:
        InputError: the file cannot be read or is not UTF-8; the message names the byte.
    """
    return "".join(read_lines(file))


def read_lines(file: Path) -> Iterator[str]:
    """Yield a file's lines with their ends; only a line feed ends a line. As `read_text`."""
    offset = 0
    try:
        with _open(file) as stream:
            for line in stream:
                yield decode(line, str(file), offset)
                offset += len(line)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{file} cannot be read: {reason}") from error


def decode(data: bytes, name: str, offset: int = 0) -> str:
    """Return bytes as text; `name` and where the bytes begin are for the message.

    Raises:
        InputError: they are not UTF-8.
    """
    skip = len(codecs.BOM_UTF8) if offset == 0 and data.startswith(codecs.BOM_UTF8) else 0
    try:
        return data[skip:].decode()
    except UnicodeDecodeError as error:
        at = skip + error.start
        raise InputError(
            f"{name} is not UTF-8: byte 0x{data[at]:02x} at offset {offset + at}; convert it, for "
            "example with iconv -f WINDOWS-1252 -t UTF-8"
        ) from None


def _open(file: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(file)) if file.suffix == ".gz" else file.open("rb")
