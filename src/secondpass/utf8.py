"""Text files to text: the one place that tells their encoding, or what they are if no text.

Text is UTF-8, or UTF-16 or UTF-32 as its byte order mark says; UTF-16 without a mark is known by
its NULs. Files come from anyone: they are read in pieces, and lines and whole texts are bounded.
"""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from secondpass.errors import InputError

# Characters of one line, and of a text that is read as a whole.
LARGEST_LINE = 64 * 2**20
LARGEST_TEXT = 256 * 2**20
_PIECE = 2**18

# The longer marks first: UTF-32's begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# How a file begins that is no text -> what it is, and the way out.
_NO_TEXT = (
    (b"version https://git-lfs.github.com/spec/", "a git-lfs pointer: fetch it with git lfs pull"),
    *(
        (mark, "UTF-16 that was converted as if it was Latin-1: iconv -f UTF-16 -t UTF-8 ORIGINAL")
        for mark in ("ÿþ".encode(), "þÿ".encode())
    ),
    (b"\x1f\x8b", "gzip data: unpack it with gunzip"),
    (b"PK\x03\x04", "a zip archive or an office document: unpack it, or export it as text"),
    (b"\x28\xb5\x2f\xfd", "zstandard data: unpack it with zstd -d"),
    (b"BZh", "bzip2 data: unpack it with bunzip2"),
    (b"\xfd7zXZ\x00", "xz data: unpack it with unxz"),
    (b"%PDF-", "a PDF document: extract its text, for example with pdftotext"),
    (b"PAR1", "a Parquet file: give it the suffix .parquet and read it with secondpass index"),
    (b"ARROW1", "an Arrow file: write it as Parquet or JSON Lines"),
    (b"SQLite format 3\x00", "an SQLite database: export it, for example as CSV"),
    (b"\xd0\xcf\x11\xe0", "an office document: export it as text"),
    (b"{\\rtf", "a rich text document: export it as text"),
    (b"\x7fELF", "a program"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
)
# In Windows-1252 a letter outside ASCII stands among letters, blanks and punctuation. The bytes
# that are a control code or nothing there are in no such text.
_NOT_WINDOWS_1252 = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f\x81\x8d\x8f\x90\x9d]")


def read_text(file: Path) -> str:
    """Return a file's text, its line ends as they are, without a byte order mark.

    A file whose name ends in .gz is gzipped.

    Raises:
        InputError: the file cannot be read, is no text, or is larger than `LARGEST_LINE` or
            `LARGEST_TEXT`; the message names the byte or the line.
    """
    return _joined(read_lines(file), str(file))


def read_lines(file: Path) -> Iterator[str]:
    """Yield a file's lines with their ends. Raises as `read_text`.

    A line ends at a line feed alone, so that U+2028 and the like stay within it. Where the first
    line ends at a carriage return without one, as on the first Macintoshes, these end lines too.
    """
    try:
        with _open(file) as stream:
            yield from stream_lines(stream, str(file))
    except gzip.BadGzipFile:
        raise InputError(
            f"{file} is not gzip data, though its name ends in .gz; take the .gz off its name"
        ) from None
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{file} cannot be read: {reason}") from error


def stream_text(stream: IO[bytes], name: str) -> str:
    """Return the text of a stream; `name` is for messages. Raises as `read_text`."""
    return _joined(stream_lines(stream, name), name)


def stream_lines(stream: IO[bytes], name: str) -> Iterator[str]:
    """Yield the lines of a stream; `name` is for messages. As `read_lines`."""
    waiting: list[str] = []
    length = number = 0
    end: re.Pattern[str] | None = None
    for text in _decoded(stream, name):
        end = end or _line_end(text)
        start = 0
        for found in end.finditer(text) if end else ():
            yield "".join((*waiting, text[start : found.end()]))
            waiting.clear()
            length, start = 0, found.end()
            number += 1
        waiting.append(text[start:])
        length += len(text) - start
        if length > LARGEST_LINE:
            raise InputError(
                f"{name} line {number + 1} is longer than {LARGEST_LINE:,} characters, the most "
                "that is read of a line; break it up"
            )
    if length:
        yield "".join(waiting)


def decode(data: bytes, name: str) -> str:
    """Return bytes as text; `name` is for the message.

    Raises:
        InputError: they are no text, or too long; as `read_text`.
    """
    return stream_text(io.BytesIO(data), name)


def _joined(lines: Iterator[str], name: str) -> str:
    parts, length = list[str](), 0
    for line in lines:
        parts.append(line)
        length += len(line)
        if length > LARGEST_TEXT:
            raise InputError(
                f"{name} is longer than {LARGEST_TEXT:,} characters, the most that is read at "
                "once; split it into several files"
            )
    return "".join(parts)


def _line_end(text: str) -> re.Pattern[str] | None:
    """Return what ends lines, by the end of the first; None where it has none yet."""
    first = re.search("\r?\n|\r", text)
    if first is None:
        return None
    return re.compile("\r\n?|\n" if first.group() == "\r" else "\n")


def _decoded(stream: IO[bytes], name: str) -> Iterator[str]:
    """Yield the text in pieces, none of which ends between a carriage return and a line feed."""
    data = before = stream.read(_PIECE)
    encoding, mark = _encoding(data, name)
    decoder = codecs.getincrementaldecoder(encoding)()
    position, lines, held = 0, 0, ""
    while True:
        new = data[mark:] if position == 0 else data
        try:
            text = held + decoder.decode(new, final=not data)
        except UnicodeDecodeError as error:
            at = position + len(data) - len(error.object) + error.start
            raise _not_decoded(error, name, at, data or before) from None
        position += len(data)
        if "\0" in text:
            line = lines + text.count("\n", 0, text.index("\0")) + 1
            raise InputError(
                f"{name} line {line} holds a NUL character, which no text does; is the file "
                "damaged, or not a text file? Remove it, for example with tr -d '\\000'"
            )
        held = "\r" if data and text.endswith("\r") else ""
        text = text[: len(text) - len(held)]
        lines += text.count("\n")
        yield text
        if not data:
            return
        before, data = data, stream.read(_PIECE)


def _encoding(head: bytes, name: str) -> tuple[str, int]:
    """Return the encoding of a file that begins so, and how many bytes its mark has.

    Raises:
        InputError: it is a file of another kind.
    """
    for beginning, kind in _NO_TEXT:
        if head.startswith(beginning):
            raise InputError(f"{name} is not text: it is {kind}")
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding, len(mark)
    return _unmarked_utf16(head[:4096]) or "utf-8", 0


def _unmarked_utf16(head: bytes) -> str | None:
    """Return the UTF-16 that text without a mark is in: NUL is every other byte of its ASCII."""
    pairs = len(head) // 2
    even, odd = head[: 2 * pairs : 2].count(0), head[1 : 2 * pairs : 2].count(0)
    for first, second, encoding in ((even, odd, "utf-16-le"), (odd, even, "utf-16-be")):
        if first == 0 and second >= 2 and second >= pairs / 5:
            return encoding
    return None


def _not_decoded(error: UnicodeDecodeError, name: str, at: int, around: bytes) -> InputError:
    """Return the error of the byte at an offset, with the advice that fits the bytes around it."""
    if error.encoding not in ("utf-8", "utf8"):
        return InputError(f"{name} is not valid {error.encoding.upper()} at byte offset {at}")
    wrong = f"{name} is not UTF-8: byte 0x{error.object[error.start]:02x} at offset {at}"
    beyond_ascii = len(around) - len(around.translate(None, bytes(range(0x80, 0x100))))
    if error.reason == "unexpected end of data" and beyond_ascii > len(error.object) - error.start:
        return InputError(f"{wrong}; the file ends within a character: is it cut off?")
    western = beyond_ascii <= len(around) / 4 and not _NOT_WINDOWS_1252.search(around)
    source = "WINDOWS-1252" if western else "ENCODING"
    what = "for example with" if western else "from the encoding that it was written in, with"
    return InputError(f"{wrong}; convert it, {what} iconv -f {source} -t UTF-8")


def _open(file: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(file)) if file.suffix == ".gz" else file.open("rb")
