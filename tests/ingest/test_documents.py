"""PDF, Word, PowerPoint, HTML and EPUB: their text, pages, headings and titles; and bad ones."""

import gzip
import io
import re
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("lancedb")
pytest.importorskip("semantic_text_splitter")
pytest.importorskip("markitdown")
pytest.importorskip("pypdfium2")
sys.path.insert(0, str(Path(__file__).parent.parent / "retrieval"))

from document_files import archive, docx, epub, pdf, pptx
from fake_embedder import FakeEmbedder
from word_tokenizer import word_tokenizer

from secondpass import InputError, MissingExtraError
from secondpass.ingest import archives, documents
from secondpass.ingest.chunking import Chunker
from secondpass.ingest.readers import read_documents
from secondpass.ingest.updating import Update, update_index
from secondpass.retrieval.index import Index, store_identity
from secondpass.retrieval.stores.memory import MemoryStore

WOOL = "Sheep are shorn once a year."
PAGE = "<html><head><title>Farm</title></head><body><h1>Wool</h1><p>%s</p></body></html>"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(name, content, max_tokens=10):
    """The documents of a file, each as its text and what its metadata say beside the place."""
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    chunker = Chunker(word_tokenizer(), max_tokens=max_tokens)
    found = [one.document for one in read_documents([name], chunker)]
    return [
        (one.text, {k: v for k, v in one.metadata.items() if k in ("page", "heading", "title")})
        for one in found
    ]


def test_a_pdf_keeps_pages_bookmarks_and_its_title(here):
    content = pdf(
        [["Wool", "Sheep are shorn", "once a year."], [], ["Milk", "Cows give milk."]],
        title="The farm",
        bookmarks=[("Wool", 1), ("Milk", 3)],
    )
    assert read("a.pdf", content) == [
        ("The farm", {"page": 1, "title": "The farm"}),
        ("Wool Sheep are shorn once a year.", {"page": 1, "heading": "Wool", "title": "The farm"}),
        ("Milk Cows give milk.", {"page": 3, "heading": "Milk", "title": "The farm"}),
    ]


def test_a_word_document_keeps_headings_and_its_title(here):
    content = docx(
        [
            ("Heading1", "Animals"),
            ("Heading2", "Wool_and_felt"),
            ("Normal", WOOL),
            ("Heading1", "Plants"),
            ("Normal", "Flax gives linen &amp; oil."),
        ],
        title="Fibres &amp; more",
    )
    title = {"title": "Fibres & more"}
    assert read("a.docx", content) == [
        ("Fibres & more", title),
        ("# Animals", {"heading": "Animals", **title}),
        (f"## Wool_and_felt\n\n{WOOL}", {"heading": "Animals > Wool_and_felt", **title}),
        ("# Plants\n\nFlax gives linen & oil.", {"heading": "Plants", **title}),
    ]


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("core", "title"),
    [
        ("<dc:title>" * 300_000, None),
        ("<dc:title>" * 2 + "Fibres</dc:title>", "<dc:title>Fibres"),
        ("<dc:title>Fibres</dc:title></dc:title>", "Fibres"),
        ("</dc:title><dc:title>Fi\nbres</dc:title><dc:title>Other</dc:title>", "Fi bres"),
        ("</dc:title>", None),
    ],
)
def test_the_title_of_a_word_document_is_its_first_that_ends(here, core, title):
    (read_of,) = read("a.docx", docx([("Normal", WOOL)], core=core), 30)
    assert read_of[1].get("title") == title


def test_slides_are_pages(here):
    content = pptx([("Wool", WOOL), ("Milk", "Cows give milk.")], title="PowerPoint Presentation")
    assert read("a.pptx", content) == [
        (f"# Wool\n{WOOL}", {"page": 1, "heading": "Wool"}),
        ("# Milk\nCows give milk.", {"page": 2, "heading": "Milk"}),
    ]


def test_a_chunk_of_several_pages_says_the_last(here):
    Path("a.pptx").write_bytes(pptx([("Wool", "Sheep."), ("Milk", "Cows."), ("Eggs", "Hens.")]))
    chunker = Chunker(word_tokenizer(), max_tokens=10)
    found = [one.document.metadata for one in read_documents(["a.pptx"], chunker)]
    assert [(one["page"], one.get("last_page")) for one in found] == [(1, 2), (3, None)]


def test_a_book_keeps_headings_and_its_title(here):
    content = epub([f"<h1>One</h1><p>{WOOL}</p>", "<h1>Two</h1><p>Cows <b>give</b> milk.</p>"])
    assert read("a.epub", content) == [
        ("**Title:** A book", {"title": "A book"}),
        (f"# One\n\n{WOOL}", {"heading": "One", "title": "A book"}),
        ("# Two\n\nCows **give** milk.", {"heading": "Two", "title": "A book"}),
    ]


@pytest.mark.parametrize("name", ["a.html", "a.HTM", "a.xhtml"])
def test_a_page_keeps_headings_and_its_title(here, name):
    assert read(name, PAGE % WOOL, 9) == [
        ("Farm", {"title": "Farm"}),
        (f"# Wool\n\n{WOOL}", {"heading": "Wool", "title": "Farm"}),
    ]
    assert read(name, PAGE % WOOL, 30) == [
        (f"Farm\n\n# Wool\n\n{WOOL}", {"heading": "Wool", "title": "Farm"})
    ]


def test_a_title_that_the_text_begins_with_is_not_read_twice(here):
    page = (PAGE % WOOL).replace("Farm", "wool")
    assert read("a.html", page) == [(f"# Wool\n\n{WOOL}", {"heading": "Wool", "title": "wool"})]


def test_what_links_and_pictures_lead_to_is_no_text(here):
    page = (
        '<p>See <a href="https://e.org/a_(b)?q=1">the manual</a>, <img src="data:image/png;base64,'
        'AAAA" alt="a sheep"> <a href="/x"><img src="y.png" alt="logo"></a> f(x)[0](1) a_b*c*</p>'
        "<script>no_text()</script><style>p {}</style>"
    )
    assert read("a.html", page, 30) == [("See the manual, a sheep logo f(x)[0](1) a_b*c*", {})]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("<p>Käse</p>".encode(), "Käse"),
        ("<p>Käse</p>".encode("utf-16"), "Käse"),
        ("<p>Kase</p>".encode("utf-16-le"), "Kase"),
        ('<meta charset="iso-8859-1"><p>K\xe4se \x93x\x94</p>'.encode("latin-1"), "Käse “x”"),
        ('<meta charset="koi8-r"><p>сыр</p>'.encode("koi8-r"), "сыр"),
    ],
)
def test_the_encodings_of_pages(here, content, text):
    assert read("a.html", content) == [(text, {})]


@pytest.mark.parametrize("content", [b"<p>K\xe4se</p>", b'<meta charset="none"><p>K\xe4se</p>'])
def test_a_page_in_an_encoding_that_nobody_says(here, content):
    with pytest.raises(InputError, match=r"a\.html is not UTF-8: byte 0xe4"):
        read("a.html", content)


def test_a_document_may_be_gzipped(here):
    content = gzip.compress((PAGE % WOOL).encode())
    assert read("a.html.gz", content) == [
        (f"Farm\n\n# Wool\n\n{WOOL}", {"heading": "Wool", "title": "Farm"})
    ]


def test_source_code_and_restructured_text_are_text(here):
    assert read("a.py", "def shear(sheep):\n    return 1\n", 20) == [
        ("def shear(sheep):\n    return 1", {})
    ]
    assert read("a.rst", f"Wool\n====\n\n{WOOL}\n", 20) == [
        (f"Wool\n====\n\n{WOOL}", {"heading": "Wool"})
    ]


def entity(part="word/document.xml"):
    return archive({part: '<!DOCTYPE a [<!ENTITY x "xx"><!ENTITY y "&x;&x;">]><a>&y;</a>'})


BAD = {
    "cut.pdf": pdf([["text"]])[:60],
    "page.pdf": b"<html>no PDF</html>",
    "empty.pdf": pdf([[]]),
    "cut.docx": docx([("Normal", "text")])[:-30],
    "other.docx": archive({"a.txt": "no Word document"}),
    "text.docx": b"no archive",
    "other.pptx": archive({"a.txt": "no slides"}),
    "old.pptx": b"\xd0\xcf\x11\xe0 an office document of old",
    "other.epub": archive({"a.txt": "no book"}),
    "entities.docx": entity(),
    "entities16.docx": archive(
        {"word/document.xml": '<!DOCTYPE a [<!ENTITY x "xx">]><a>&x;</a>'.encode("utf-16")}
    ),
    "entities.epub": entity("OEBPS/c.xhtml"),
    "picture.html": b"\x89PNG\r\n\x1a\n",
    "nul.html": b"<p>a\0b</p>",
    "zero.docx": b"",
    "zero.pdf": b"",
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_document_is_named_and_the_rest_goes_on(here, name):
    for good in ("a.html", "z.html"):
        Path(good).write_text(f"<p>{good}</p>")
    Path(name).write_bytes(BAD[name])
    chunker = Chunker(word_tokenizer(), max_tokens=8)
    reading = read_documents(["."], chunker, skip_unreadable=True)
    assert [one.text for one in reading] == ["a.html", "z.html"]
    ((source, reason),) = reading.failed.items()
    assert source == f"{here.as_posix()}/{name}"
    assert reason.startswith(source)
    assert len(reason) < len(source) + 300


def test_what_an_index_holds_of_a_document_stays_while_it_is_bad(here):
    embedder = FakeEmbedder()
    index = Index(MemoryStore(store_identity(embedder)), embedder)
    chunker = Chunker(word_tokenizer(), max_tokens=8)

    def update():
        return update_index(index, read_documents(["."], chunker, skip_unreadable=True))

    Path("a.pdf").write_bytes(pdf([["Wool."]]))
    assert update() == Update(1, 0, 0)
    Path("a.pdf").write_bytes(b"damaged")
    assert update() == Update(0, 0, 0)
    assert len(index) == 1
    Path("a.pdf").write_bytes(pdf([["Milk."]]))
    assert update() == Update(1, 0, 1)


@pytest.mark.parametrize(
    ("limit", "value", "name", "content", "message"),
    [
        ("LARGEST_ARCHIVE", 5000, "a.docx", docx([("Normal", "x" * 5000)]), "unpacks to"),
        ("LARGEST_MARKUP", 5000, "a.docx", docx([("Normal", "x" * 5000)]), "text and markup"),
        ("LARGEST_MARKUP", 5000, "a.epub", epub(["x" * 5000]), "text and markup"),
        ("MOST_PARTS", 5, "a.epub", epub(["x", "y", "z"]), "has 6 parts, expected at most 5"),
    ],
)
def test_what_an_archive_unpacks_to_is_bounded(
    here, monkeypatch, limit, value, name, content, message
):
    monkeypatch.setattr(archives, limit, value)
    with pytest.raises(InputError, match=rf"{name} .*{message}"):
        read(name, content)


@pytest.mark.parametrize(
    ("limit", "value", "name", "content", "message"),
    [
        ("LARGEST_DOCUMENT", 100, "a.pdf", pdf([["x"]]), "larger than 100 bytes"),
        ("LARGEST_DOCUMENT", 100, "a.html.gz", gzip.compress(b"<p>" * 1000), "larger than 100"),
        ("LARGEST_MARKUP", 100, "a.html", "<p>" * 100, "expected at most 100 of a web page"),
        ("MOST_PAGES", 2, "a.pdf", pdf([["x"]] * 3), "has 3 pages, expected at most 2"),
        ("LARGEST_TEXT", 5, "a.html", "<p>Sheep are</p>", "longer than 5 characters"),
    ],
)
def test_documents_are_bounded(here, monkeypatch, limit, value, name, content, message):
    monkeypatch.setattr(documents, limit, value)
    with pytest.raises(InputError, match=rf"{name} .*{message}"):
        read(name, content)


ENCRYPTED = '<encryption><CipherReference URI="OEBPS/{}"/></encryption>'


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.pdf", b"", "is empty"),
        ("a.docx", b"", "is empty"),
        ("a.pdf", b"<html><p>no PDF", "is a web page, not a PDF document: its suffix is .html"),
        ("a.pdf", docx([("Normal", "a")]), "is an office document, .* not a PDF document"),
        ("a.docx", pdf([["a"]]), "is a PDF document, not a Word document: its suffix is .pdf"),
        ("a.epub", b"\n <html>", "is a web page, not an EPUB book"),
        ("a.docx", b"{\\rtf1 a", "is a rich text document, not a Word document"),
        ("a.docx", b"\xd0\xcf\x11\xe0\xa1", "has a password, .* save it without .* as .docx"),
        ("a.pptx", b"\xd0\xcf\x11\xe0\xa1", "has a password, .* save it without .* as .pptx"),
        ("a.docx", docx([("Normal", "text")])[:-30], "is damaged"),
        ("a.html", pdf([["a"]]), "is not text: it is a PDF document"),
        (
            "a.epub",
            archive({"META-INF/encryption.xml": ENCRYPTED.format("a.xhtml")}),
            "is encrypted",
        ),
        ("a.html", b'<meta charset="undefined"><p>K\xe4se', "is not UTF-8"),
        ("a.html", b'<meta charset="unicode_escape"><p>\\ud800\xe4', "is not UTF-8"),
        ("a.html", b'<meta charset="zlib"><p>K\xe4se', "is not UTF-8"),
        (
            "a.html",
            "<table><tr>" + '<td colspan="1000">a</td>' * 400 + "</tr></table>",
            "gives 4,400,805 characters of text out of",
        ),
    ],
)
def test_what_a_file_is_instead_is_said(here, name, content, said):
    with pytest.raises(InputError, match=rf"{name} {said}"):
        read(name, content)


def test_a_book_whose_fonts_are_encrypted_is_read(here):
    with zipfile.ZipFile(io.BytesIO(epub([f"<p>{WOOL}</p>"]))) as book:
        parts = {part.filename: book.read(part) for part in book.infolist()}
    content = archive({**parts, "META-INF/encryption.xml": ENCRYPTED.format("a.otf")})
    assert WOOL in [text for text, _ in read("a.epub", content)]


def test_a_part_of_a_book_that_is_named_very_often_is_refused(here, monkeypatch):
    monkeypatch.setattr(documents, "_GROWTH_OF_SMALL", 0)
    content = epub([f"<p>{WOOL * 20}</p>"])
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        parts = {part.filename: book.read(part).decode() for part in book.infolist()}
    (opf,) = (name for name in parts if name.endswith(".opf"))
    parts[opf] = re.sub(r"<itemref [^>]*/>", lambda found: found[0] * 100, parts[opf])
    with pytest.raises(InputError, match="names one part, or spans one cell, very many times"):
        read("a.epub", archive(parts))


def test_a_title_as_long_as_a_text_is_text_and_no_title(here):
    title = "Sheep give wool. " * 100
    found = read("a.html", f"<title>{title}</title><p>Cows give milk.</p>", max_tokens=1000)
    assert " ".join(text for text, _ in found).count("wool") == 100
    assert not any("title" in metadata for _, metadata in found)


def test_bookmarks_beyond_what_is_searched_stand_at_their_page(here, monkeypatch):
    content = pdf([["Wool.", "Milk."]], bookmarks=[("Wool", 1), ("Milk", 1)])
    Path("a.pdf").write_bytes(content)
    assert [one.start for one in documents.read_document(Path("a.pdf")).headings] == [0, 6]
    monkeypatch.setattr(documents, "_MOST_SEARCHED", 13)
    assert [one.start for one in documents.read_document(Path("a.pdf")).headings] == [0, 0]


def test_what_a_library_logs_of_a_document_is_not_on_standard_error(here):
    content = pdf([["Wool."]], bookmarks=[("Wool", 1), ("Milk", 1)])
    # A list of bookmarks that comes back to its beginning.
    Path("a.pdf").write_bytes(re.sub(rb"/Next (\d)", b"/Next 6", content, count=1))
    code = "from secondpass.ingest.documents import read_document; from pathlib import Path; "
    code += "print(len(read_document(Path('a.pdf')).headings))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("1\n", "")


def test_pages_that_nest_without_end_are_read_or_named(here):
    nested = "<div>" * 5000 + WOOL + "</div>" * 5000
    assert read("a.html", nested) == [(WOOL, {})]


def test_an_archive_that_lies_about_its_sizes_gives_no_more_than_it_says(here):
    content = bytearray(docx([("Normal", "x" * 5000)]))
    at = content.rindex(b"word/document.xml") - 46 + 24  # the size in the table at the end
    content[at : at + 4] = (10).to_bytes(4, "little")
    with pytest.raises(InputError, match=r"a\.docx is damaged"):
        read("a.docx", bytes(content))


def test_nothing_is_asked_of_the_network(here, monkeypatch):
    def refuse(*_args):
        raise AssertionError("a document was read over the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    page = '<p>a</p><img src="http://e.org/a.png"><iframe src="https://youtube.com/watch?v=1">'
    read("a.html", page)
    read("a.docx", docx([("Normal", "a")]))
    read("a.pptx", pptx([("a", "b")]))
    read("a.epub", epub([page]))
    read("a.pdf", pdf([["a"]]))


@pytest.mark.parametrize("name", ["a.html", "a.pdf"])
def test_without_the_extra_the_way_out_is_said(here, monkeypatch, name):
    monkeypatch.setitem(sys.modules, "markitdown", None)
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    with pytest.raises(MissingExtraError, match=rf"{name} needs the extra 'documents'"):
        read(name, "text")
    chunker = Chunker(word_tokenizer(), max_tokens=8)
    reading = read_documents([name], chunker, skip_unreadable=True)
    assert list(reading) == []
    assert "documents" in reading.failed[f"{here.as_posix()}/{name}"]


def test_the_lock_file_of_an_open_document_is_skipped(here):
    Path("~$a.docx").write_bytes(b"lock")
    Path("a.html").write_text("<p>a</p>")
    found = read_documents(["."], Chunker(word_tokenizer())).found
    assert ([file.shown.split("/")[-1] for file in found.files], found.skipped) == (
        ["a.html"],
        ("~$a.docx",),
    )


def test_a_pdf_that_needs_a_password_says_so(here):
    pypdfium2 = pytest.importorskip("pypdfium2")
    raw = pypdfium2.PdfiumError("Failed to load document (PDFium: Incorrect password error).")

    class Locked:
        def __init__(self, data):
            raise raw

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pypdfium2, "PdfDocument", Locked)
        with pytest.raises(InputError, match=r"a\.pdf needs a password"):
            read("a.pdf", pdf([["x"]]))
