"""Documents of office programs, books and web pages to text.

PDF is read by PDFium, a page at a time, since what markitdown gives of one has no pages. Of
markitdown only the converters that are named here are called, each with bytes in memory: no plugin,
no guess of what a file may be, no language model and no network.
"""

from __future__ import annotations

import gzip
import html
import io
import logging
import re
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path
from typing import IO, Any, cast

from secondpass.checks import counted
from secondpass.errors import InputError, MissingExtraError, SecondpassError
from secondpass.ingest.archives import LARGEST_MARKUP, check_archive
from secondpass.ingest.headings import Heading, headings_of
from secondpass.ingest.tables import suffix_of
from secondpass.ingest.texts import Page, Text
from secondpass.regular_files import open_regular
from secondpass.utf8 import LARGEST_TEXT, decode

LARGEST_DOCUMENT = 256 * 2**20
MOST_PAGES = 50_000
_MOST_BOOKMARKS = 20_000
# The most characters of pages, times words of titles, that are searched for bookmarks.
_MOST_SEARCHED = 2**28
# The most characters of text for each byte of the document, beside what a small one may have: more
# is one part that is repeated.
_MOST_GROWTH, _GROWTH_OF_SMALL = 10, 2**20
_LIBRARIES_THAT_LOG = ("bs4", "pypdfium2")
_SILENT = logging.NullHandler()
_PACKAGES = ("markitdown", "mammoth", "python-pptx", "pypdfium2")

# How markdownify writes text: of a link its text alone, and nothing escaped.
_AS_TEXT = {"strip": ["a"], "escape_asterisks": False, "escape_underscores": False}
# A picture in Markdown: what it is of says something, where it lies does not.
_PICTURE = re.compile(r'!\[([^\[\]]*)\]\([^()\s]*(?:\s+"[^"\n]*")?\)')
_SLIDE = re.compile(r"<!-- Slide number: (\d+) -->\n?")
# What programs call a document that nobody gave a title.
_NO_TITLE = {"", "untitled", "word document", "powerpoint presentation"}
# A line that does not end a sentence goes on in the next; PDFium's mark of a word that does.
_GOES_ON = re.compile(r"(?<![.!?:;。！？\n])\n(?=\S)")
_HYPHENATED = re.compile("\ufffe\\s*|\u00ad\\s*")
# What a title is looked for in, before it is put there.
_BEGINNING = 500
# A longer one is text of the document, and not what each of its chunks says of itself.
_LONGEST_TITLE = 500
# How a file begins -> what it is, and the suffix of that.
_BEGINNINGS = (
    (b"%PDF-", "a PDF document", ".pdf"),
    (b"PK\x03\x04", "an office document, a book or another zip archive", ".docx, .pptx or .epub"),
    (b"<", "a web page", ".html"),
    (b"{\\rtf", "a rich text document", ".rtf"),
)
_OLD_OFFICE = b"\xd0\xcf\x11\xe0"


def read_document(file: Path) -> Text:
    """Return the text of a document: Markdown, of PDF plain text, its title before it.

    A name that ends in .gz is unpacked.

    Raises:
        InputError: it cannot be read, is too large, or holds no text but pages.
        MissingExtraError: the extra `documents` is not installed.
    """
    name, suffix = str(file), suffix_of(file)
    kind, read = _KINDS[suffix]
    data = _content(file)
    _require_kind(data, suffix, name)
    for library in _LIBRARIES_THAT_LOG:
        # Python prints what nobody handles: what a library says of one file among a thousand.
        logging.getLogger(library).addHandler(_SILENT)
    try:
        text = read(data, name)
    except SecondpassError:
        raise
    except Exception as error:
        # A damaged file makes a reader fail in any way.
        said = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise InputError(f"{name} cannot be read as {kind}: {said}") from None
    if len(text.text) > LARGEST_TEXT:
        raise InputError(
            f"{name} is longer than {LARGEST_TEXT:,} characters, the most that is read at once; "
            "split it into several files"
        )
    return _with_title(text)


def _require_kind(data: bytes, suffix: str, name: str) -> None:
    """Refuse what is plainly another kind of file than its name says.

    Raises:
        InputError: it is.
    """
    if _may_be(data, suffix):
        return
    if not data:
        raise InputError(f"{name} is empty")
    if data.startswith(_OLD_OFFICE):
        raise InputError(
            f"{name} has a password, or is a document of an office program before 2007: save it "
            f"without a password as {suffix}"
        )
    for beginning, kind, right in _BEGINNINGS:
        if suffix not in right and data[:100].lstrip().startswith(beginning):
            raise InputError(f"{name} is {kind}, not {_KINDS[suffix][0]}: its suffix is {right}")


def _may_be(data: bytes, suffix: str) -> bool:
    if suffix == ".pdf":
        return b"%PDF-" in data[:1024]
    return suffix not in (".docx", ".pptx", ".epub") or zipfile.is_zipfile(io.BytesIO(data))


@cache
def reader_versions() -> str:
    """Return the versions of what reads documents: another may read another text."""
    return " ".join(f"{package} {_version(package)}" for package in _PACKAGES)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "-"


def _content(file: Path) -> bytes:
    try:
        with open_regular(file) as stream, _unpacked(stream, file) as content:
            data = content.read(LARGEST_DOCUMENT + 1)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{file} cannot be read: {reason}") from error
    if len(data) > LARGEST_DOCUMENT:
        raise InputError(
            f"{file} is larger than {LARGEST_DOCUMENT:,} bytes, the most that is read of a "
            "document: split it, or export it as text"
        )
    return data


def _unpacked(stream: IO[bytes], file: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(stream)) if file.suffix.lower() == ".gz" else stream


def _with_title(text: Text) -> Text:
    """Put the title before a text that does not begin with it, as the title of a table's row."""
    title = " ".join(text.title.split())
    if title.casefold() in _NO_TITLE:
        return text._replace(title="")
    kept = title if len(title) <= _LONGEST_TITLE else ""
    beginning = " ".join(text.text[: _BEGINNING + len(title)].split())
    if title.casefold() in beginning.casefold():
        return text._replace(title=kept)
    by = len(title) + 2
    return text._replace(
        text=f"{title}\n\n{text.text}",
        headings=tuple(one._replace(start=one.start + by) for one in text.headings),
        # It is on the page of the beginning.
        pages=tuple(one._replace(start=one.start and one.start + by) for one in text.pages),
        title=kept,
    )


# --- what is made Markdown


def _html(data: bytes, name: str) -> Text:
    if len(data) > LARGEST_MARKUP:
        raise InputError(
            f"{name} has {len(data):,} bytes, expected at most {LARGEST_MARKUP:,} of a web page: "
            "split it, or export it as text"
        )
    converter = _html_converter(_converters(name))
    text = _html_text(data, name)
    return _text_of(*_markdown(lambda: converter.convert_string(text), len(data), name))


def _html_text(data: bytes, name: str) -> str:
    """Return the text of a page in UTF-8 or 16, or else in the encoding that it declares."""
    from bs4.dammit import EncodingDetector

    try:
        return decode(data, name)
    except InputError:
        declared = EncodingDetector.find_declared_encoding(data, is_html=True)
        if declared is None or b"\0" in data:
            raise
        # As browsers have it: who says Latin-1 means Windows-1252.
        encoding = "cp1252" if declared.lower() in ("iso-8859-1", "latin-1") else declared
        try:
            text = data.decode(encoding)
            text.encode()
        except (LookupError, ValueError):  # unknown, of no text, or one that makes none
            pass
        else:
            return text
        raise


def _epub(data: bytes, name: str) -> Text:
    return _text_of(*_of_archive(data, name, "EpubConverter"))


def _docx(data: bytes, name: str) -> Text:
    text, _ = _of_archive(data, name, "DocxConverter")
    return _text_of(text, _core_title(data))


def _pptx(data: bytes, name: str) -> Text:
    """Return the text of slides, each a page."""
    whole, _ = _of_archive(data, name, "PptxConverter")
    parts, pages, length = list[str](), list[Page](), 0
    _, *slides = _SLIDE.split(whole)
    for number, slide in zip(slides[::2], slides[1::2], strict=True):
        pages.append(Page(length, int(number)))
        parts.append(slide)
        length += len(slide)
    return _text_of("".join(parts), _core_title(data), pages)


def _of_archive(data: bytes, name: str, converter: str) -> tuple[str, str]:
    size = check_archive(io.BytesIO(data), name)
    converters = _converters(name)
    from markitdown import StreamInfo

    made = getattr(converters, converter)()
    # They make HTML first, or tables of it.
    made._html_converter = _html_converter(converters)
    return _markdown(lambda: made.convert(io.BytesIO(data), StreamInfo()), size, name)


def _converters(name: str) -> Any:
    try:
        from markitdown import converters
    except ImportError as error:
        raise MissingExtraError(name, "documents") from error
    return converters


def _html_converter(converters: Any) -> Any:
    made = converters.HtmlConverter()
    made.convert = partial(made.convert, **_AS_TEXT)
    return made


def _markdown(convert: Callable[[], Any], size: int, name: str) -> tuple[str, str]:
    """Return the Markdown that a converter makes of `size` bytes, and the title that it found."""
    # The parsers warn of what they take for a mistake in the page, which is none of ours.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = convert()
    length, most = len(result.markdown), _MOST_GROWTH * size + _GROWTH_OF_SMALL
    if length > most:
        raise InputError(
            f"{name} gives {length:,} characters of text out of {size:,} bytes, expected at most "
            f"{most:,}: it names one part, or spans one cell, very many times; export it as text"
        )
    return _PICTURE.sub(r"\1", result.markdown), result.title or ""


def _text_of(markdown: str, title: str, pages: Iterable[Page] = ()) -> Text:
    headings = headings_of(markdown, "markdown")
    return Text(markdown, "markdown", tuple(headings), tuple(pages), title)


def _core_title(data: bytes) -> str:
    """Return the title that an office program keeps beside a document's text."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if "docProps/core.xml" not in archive.namelist():
            return ""
        core = archive.read("docProps/core.xml").decode(errors="replace")
    title, closed, _ = core.partition("<dc:title>")[2].partition("</dc:title>")
    return html.unescape(title) if closed else ""


# --- PDF


def _pdf(data: bytes, name: str) -> Text:
    try:
        import pypdfium2
    except ImportError as error:
        raise MissingExtraError(name, "documents") from error
    try:
        opened = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise InputError(f"{name} needs a password: save it without one") from None
        raise
    with closing(opened) as document:
        count = len(document)
        if count > MOST_PAGES:
            raise InputError(f"{name} has {count:,} pages, expected at most {MOST_PAGES:,}")
        parts, pages, length = list[str](), list[Page](), 0
        for number in range(count):
            part = _page_text(document, number)
            pages.append(Page(length, number + 1))
            parts.append(part)
            length += len(part)
        text = "".join(parts)
        if not text.strip():
            raise InputError(
                f"{name} holds no text in {counted(count, 'page')}: if they are pictures of text, "
                "recognize it first, for example with ocrmypdf"
            )
        title = document.get_metadata_value("Title")
        headings = tuple(_bookmarks(document, text, pages))
    return Text(text, "plain", headings, tuple(pages), title)


def _page_text(document: Any, number: int) -> str:
    """Return the text of a page, lines that go on in the next joined, a line end behind it."""
    with closing(document[number]) as page, closing(page.get_textpage()) as textpage:
        lines = textpage.get_text_bounded().replace("\r\n", "\n").replace("\0", "")
    joined = _GOES_ON.sub(" ", _HYPHENATED.sub("", lines)).strip()
    return f"{joined}\n" if joined else ""


def _bookmarks(document: Any, text: str, pages: list[Page]) -> Iterator[Heading]:
    """Yield the bookmarks as headings: where the text has the title, else at the page's start."""
    left = _MOST_SEARCHED
    for item in islice(document.get_toc(), _MOST_BOOKMARKS):
        title, number = _bookmark(item)
        if not title or number is None or not 0 <= number < len(pages):
            continue
        start = pages[number].start
        end = pages[number + 1].start if number + 1 < len(pages) else len(text)
        words = title.split()
        left -= (end - start) * len(words)
        there = None
        if left > 0 and len(title) <= _LONGEST_TITLE:
            there = re.compile(r"\s+".join(map(re.escape, words))).search(text, start, end)
        yield Heading(there.start() if there else start, item.level + 1, title)


def _bookmark(item: Any) -> tuple[str, int | None]:
    target = item.get_dest()
    return " ".join(item.get_title().split()), None if target is None else target.get_index()


_KINDS: dict[str, tuple[str, Callable[[bytes, str], Text]]] = {
    ".pdf": ("a PDF document", _pdf),
    ".docx": ("a Word document", _docx),
    ".pptx": ("a PowerPoint document", _pptx),
    ".epub": ("an EPUB book", _epub),
    **dict.fromkeys((".html", ".htm", ".xhtml"), ("a web page", _html)),
}
DOCUMENTS = tuple(_KINDS)
