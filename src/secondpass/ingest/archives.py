"""Zip archives of office documents and books: looked at before a reader of them unpacks one."""

from __future__ import annotations

import re
import zipfile
from typing import IO

from secondpass.errors import InputError

# What all parts of a document unpack to, and the most of them.
LARGEST_ARCHIVE = 512 * 2**20
MOST_PARTS = 20_000
# A parser takes some thirty times the memory of what it parses.
LARGEST_MARKUP = 32 * 2**20

_MARKUP = (".xml", ".rels", ".opf", ".ncx", ".html", ".htm", ".xhtml")
# An entity may stand for a text a million times as long, or for a file of this machine.
_ENTITY = re.compile(rb"<\0?!\0?E\0?N\0?T\0?I\0?T\0?Y", re.IGNORECASE)

# Where a book says which of its parts are encrypted: fonts alone in many.
_ENCRYPTED_PARTS = "META-INF/encryption.xml"
_PAGE_OF_A_BOOK = re.compile(rb"""URI\s*=\s*["'][^"']*\.x?html?["']""", re.IGNORECASE)


def check_archive(stream: IO[bytes], name: str) -> int:
    """Return how many bytes an archive unpacks to; `name` is for messages.

    Raises:
        InputError: it is damaged, encrypted, or more than it seems.
    """
    try:
        with zipfile.ZipFile(stream) as archive:
            whole = _checked_size(archive.infolist(), name)
            for part in archive.infolist():
                if part.filename.lower().endswith(_MARKUP):
                    # No more is unpacked than the archive says.
                    _check_markup(archive.read(part), part.filename, name)
            return whole
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise InputError(f"{name} is damaged: {str(error)[:200]}") from None
    finally:
        stream.seek(0)


def _checked_size(parts: list[zipfile.ZipInfo], name: str) -> int:
    if any(part.flag_bits & 1 for part in parts):
        raise InputError(f"{name} is encrypted: save it without a password")
    if len(parts) > MOST_PARTS:
        raise InputError(f"{name} has {len(parts):,} parts, expected at most {MOST_PARTS:,}")
    whole = sum(part.file_size for part in parts)
    if whole > LARGEST_ARCHIVE:
        raise InputError(
            f"{name} unpacks to {whole:,} bytes, expected at most {LARGEST_ARCHIVE:,}: split it, "
            "or export it as text"
        )
    largest = max(
        (part for part in parts if part.filename.lower().endswith(_MARKUP)),
        key=lambda part: part.file_size,
        default=None,
    )
    if largest is not None and largest.file_size > LARGEST_MARKUP:
        raise InputError(
            f"{name} has a part of {largest.file_size:,} bytes of text and markup, expected at "
            f"most {LARGEST_MARKUP:,}: split it, or export it as text"
        )
    return whole


def _check_markup(content: bytes, part: str, name: str) -> None:
    if _ENTITY.search(content):
        raise InputError(
            f"{name} declares an entity in {part[:80]!r}, which no office program writes: "
            "export it as text"
        )
    if part == _ENCRYPTED_PARTS and _PAGE_OF_A_BOOK.search(content):
        raise InputError(f"{name} is encrypted: only the programs of its seller read it")
