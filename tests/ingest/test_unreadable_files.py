"""One bad file among many, long rows, and what a folder may lead to."""

import os
import shutil
import sys
from pathlib import Path

import pytest

pytest.importorskip("lancedb")
pytest.importorskip("semantic_text_splitter")
sys.path.insert(0, str(Path(__file__).parent.parent / "retrieval"))

from fake_embedder import FakeEmbedder
from word_tokenizer import word_tokenizer

from secondpass import InputError
from secondpass.ingest.chunking import Chunker
from secondpass.ingest.columns import Columns
from secondpass.ingest.readers import read_documents
from secondpass.ingest.updating import Update, update_index
from secondpass.retrieval.index import Index, store_identity
from secondpass.retrieval.stores.memory import MemoryStore


@pytest.fixture
def folder(tmp_path, monkeypatch):
    work = tmp_path / "work"
    (work / "d").mkdir(parents=True)
    monkeypatch.chdir(work)
    return work


def reading(*paths, **options):
    options = {"skip_unreadable": True, **options}
    return read_documents(paths, Chunker(word_tokenizer(), max_tokens=8), **options)


def texts(read):
    return [record.text for record in read]


BAD = {
    "latin.txt": b"caf\xe9",
    "cut.jsonl": b'{"id": "1", "text": "first"}\n{"id": "2", ',
    "twice.jsonl": b'{"id": "1", "text": "first"}\n{"id": "1", "text": "second"}\n',
    "deep.jsonl": b'{"id": "1", "text": "first"}\n{"text": "a", "x": ' + b"[" * 100_000,
    "half.jsonl": b'{"id": "1", "text": "first"}\n{"text": "\\ud800"}',
    "ragged.csv": b"id,text\n1,first\n2\n",
    "open.csv": b'id,text\n1,first\n2,"never closed\n',
    "pointer.md": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "page.parquet": b"<html>",
    "nul.txt": b"a\0b",
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_gives_nothing_is_named_and_the_rest_goes_on(folder, name):
    for good in ("a.txt", "z.txt"):
        Path("d", good).write_text(good)
    Path("d", name).write_bytes(BAD[name])
    read = reading("d")
    assert texts(read) == ["a.txt", "z.txt"]
    ((source, reason),) = read.failed.items()
    assert source == f"{folder}/d/{name}"
    assert reason.startswith(source)
    Path("d", name).unlink()
    assert texts(reading("d")) == ["a.txt", "z.txt"]
    Path("d", name).write_bytes(BAD[name])
    with pytest.raises(InputError):
        texts(reading("d", skip_unreadable=False))


def test_what_was_read_of_a_file_before_stays_while_it_is_bad(folder):
    embedder = FakeEmbedder()
    index = Index(MemoryStore(store_identity(embedder)), embedder)
    Path("d/a.jsonl").write_text('{"id": "1", "text": "one"}\n{"id": "2", "text": "two"}\n')
    Path("d/b.txt").write_text("before")
    assert update_index(index, reading("d")) == Update(3, 0, 0)
    Path("d/a.jsonl").write_text('{"id": "3", "text": "three"}\n{"id": ')
    Path("d/b.txt").write_text("after")
    read = reading("d")
    assert update_index(index, read) == Update(1, 0, 1)
    assert {document.text for document in index.documents()} == {"one", "two", "after"}
    Path("d/a.jsonl").write_text('{"id": "3", "text": "three"}\n')
    assert update_index(index, read) == Update(1, 1, 2)
    assert read.failed == {}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such a name")
def test_a_name_that_is_not_utf8(folder):
    Path("d/a.txt").write_text("good")
    Path(os.fsdecode(b"d/caf\xe9.txt")).write_text("bad")
    read = reading("d")
    assert texts(read) == ["good"]
    (reason,) = read.failed.values()
    assert "caf\\xe9.txt has a name that is not UTF-8" in reason
    reason.encode()


def test_a_name_with_a_line_feed_is_a_name(folder):
    Path("d/a\nb\x1b[31m.txt").write_text("text")
    assert texts(reading("d")) == ["text"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs")
def test_nothing_but_regular_files_of_the_folder_is_opened(folder):
    outside = folder.parent / "secret.txt"
    outside.write_text("secret")
    Path("d/real.txt").write_text("real")
    Path("d/sub").mkdir()
    os.mkfifo("d/pipe.txt")
    Path("d/out.txt").symlink_to(outside)
    Path("d/up.txt").symlink_to("../../secret.txt")
    Path("d/zero.txt").symlink_to("/dev/zero")
    Path("d/round.txt").symlink_to("round.txt")
    Path("d/sub/in.txt").symlink_to("../real.txt")
    Path("d/sub/round").symlink_to("..")
    Path("d/whole").symlink_to("/")
    found = reading("d").found
    assert [file.shown for file in found.files] == ["d/real.txt", "d/sub/in.txt"]
    assert found.outside == ("d/out.txt", "d/up.txt")
    assert found.skipped == ("d/pipe.txt", "d/round.txt", "d/sub/round", "d/whole", "d/zero.txt")
    assert texts(reading("d/out.txt")) == ["secret"]  # named itself
    with pytest.raises(InputError, match=r"pipe\.txt is not a regular file"):
        reading("d/pipe.txt")


def test_a_folder_that_is_named_by_a_link(folder):
    Path("link").symlink_to("d")
    Path("d/a.txt").write_text("text")
    Path("d/b.txt").symlink_to("a.txt")
    assert texts(reading("link")) == ["text", "text"]


# --- long rows

LONG = "One two three. Four five six. Seven eight nine."


def test_a_row_that_is_too_long_is_cut_and_others_stay_whole(folder):
    Path("d/a.csv").write_text(f"id,title,text\n1,T,{LONG}\n2,,short\n")
    first, second, whole = reading("d")
    assert whole.document.id == "2"
    metadata = first.document.metadata
    text = f"T {LONG}"
    for chunk in (first.document, second.document):
        start, end = chunk.metadata["start"], chunk.metadata["end"]
        assert chunk.text == text[start:end]
        assert chunk.id == f"1#{start}-{end}"
        assert chunk.metadata["title"] == "T"
    assert metadata["source"] == f"{folder}/d/a.csv"


def test_how_long_a_whole_row_may_be(folder):
    Path("d/a.csv").write_text(f"text\n{LONG}\n")
    chunker = Chunker(word_tokenizer(), max_tokens=4, whole_tokens=12)
    assert texts(read_documents(["d"], chunker)) == [LONG]
    chunker = Chunker(word_tokenizer(), max_tokens=4, whole_tokens=11)
    assert len(texts(read_documents(["d"], chunker))) == 3


def test_columns_by_name(folder):
    Path("d/faq.csv").write_text("question;answer\nWhy?;So.\n")
    read = reading("d", columns=Columns(text="answer", title="question"), delimiter=";")
    assert texts(read) == ["Why? So."]


def held_by(index):
    return {stored.source for stored in index.stored().values()}


@pytest.mark.parametrize("gone", ["d", "d/sub", "d/sub/b.txt", "d/sub/../sub/b.txt"])
def test_what_came_from_a_path_that_is_gone_is_removed(folder, gone):
    embedder = FakeEmbedder()
    index = Index(MemoryStore(store_identity(embedder)), embedder)
    Path("d/sub").mkdir()
    for name in ("other.txt", "d/a.txt", "d/sub/b.txt"):
        Path(name).write_text(name)
    update_index(index, reading("d", "other.txt"))
    path = Path(os.path.normpath(gone))
    of_it = sum((folder / path).as_posix() in source for source in held_by(index))
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(InputError, match="no file or folder"):
        reading(gone)
    read = reading(gone, held=held_by(index))
    assert read.found.gone == ((folder / path).as_posix(),)
    assert update_index(index, read) == Update(0, 0, of_it)
    assert not any((folder / path).as_posix() in source for source in held_by(index))


@pytest.mark.parametrize("missing", ["d/nothing", "d/a", "nowhere", "dangling.txt"])
def test_a_path_that_gave_nothing_is_still_an_error(folder, missing):
    Path("dangling.txt").symlink_to("not there")
    with pytest.raises(InputError, match="no file or folder"):
        reading(missing, held={f"{folder}/d/a.txt", f"{folder}/dangling.txt", None, "a column"})
