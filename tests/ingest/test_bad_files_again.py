"""Bad files, columns and long rows in an index on disk that is brought up to date again."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("lancedb")
pytest.importorskip("semantic_text_splitter")
sys.path.insert(0, str(Path(__file__).parent.parent / "retrieval"))

from fake_embedder import FakeEmbedder
from word_tokenizer import word_tokenizer

from secondpass.errors import InputError
from secondpass.ingest import readers, updating
from secondpass.ingest.chunking import Chunker
from secondpass.ingest.columns import Columns
from secondpass.ingest.files import SourceFile
from secondpass.ingest.readers import Reading, read_documents
from secondpass.ingest.sources import read_stamps
from secondpass.ingest.updating import Update, update_index
from secondpass.retrieval import blocks
from secondpass.retrieval.index import Index

LONG = "One two three. Four five six. Seven eight nine."


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    work = tmp_path / "work"
    (work / "d").mkdir(parents=True)
    monkeypatch.chdir(work)
    return work


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return Index.create(tmp_path / "index", FakeEmbedder())


@pytest.fixture
def read_files(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read from now on."""
    names: list[str] = []
    records = Reading.records

    def noted(self: Reading, file: SourceFile):  # type: ignore[no-untyped-def]
        names.append(file.path.name)
        return records(self, file)

    monkeypatch.setattr(Reading, "records", noted)
    return names


def reading(
    *paths: str,
    max_tokens: int = 8,
    whole_tokens: int | None = None,
    columns: Columns | None = None,
) -> Reading:
    chunker = Chunker(word_tokenizer(), max_tokens=max_tokens, whole_tokens=whole_tokens)
    return read_documents(paths, chunker, columns=columns or Columns(), skip_unreadable=True)


def write(name: str, content: str | bytes) -> Path:
    """Write a file that was changed a minute ago."""
    path = Path(name)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    os.utime(path, (time.time() - 60,) * 2)
    return path


def texts(index: Index) -> list[str]:
    return sorted(document.text for document in index.documents())


def stamped(index: Index) -> list[str]:
    assert index.directory is not None
    return [Path(source).name for source in read_stamps(index.directory)]


# --- bad files

BAD = {
    "a.txt": ("before", b"caf\xe9"),
    "a.jsonl": ('{"id": "1", "text": "before"}\n', b'{"id": "2", "text": "new"}\n{"id": '),
    "a.csv": ("id,text\n1,before\n", b'id,text\n2,new\n3,"never closed\n'),
    "a.tsv": ("id\ttext\n1\tbefore\n", b"id\ttext\n2\tnew\n2\ttwice\n"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_keeps_its_rows_without_a_stamp_until_it_is_mended(
    folder: Path, index: Index, read_files: list[str], name: str
) -> None:
    good, bad = BAD[name]
    write(f"d/{name}", good)
    write("d/other.txt", "other")
    assert update_index(index, reading("d")) == Update(2, 0, 0)
    assert stamped(index) == [name, "other.txt"]
    write(f"d/{name}", bad)
    for _ in range(2):  # tried again each time, and the others are not read
        read_files.clear()
        read = reading("d")
        assert update_index(index, read) == Update(0, 1, 0)
        assert list(read.failed) == [f"{folder}/d/{name}"]
        assert read_files == [name]
        assert stamped(index) == ["other.txt"]
        assert texts(index) == ["before", "other"]
    write(f"d/{name}", good.replace("before", "after"))
    assert update_index(index, reading("d")).added == 1
    assert texts(index) == ["after", "other"]
    assert stamped(index) == [name, "other.txt"]


def test_a_file_that_was_bad_and_is_gone_leaves_nothing(folder: Path, index: Index) -> None:
    write("d/a.jsonl", '{"id": "1", "text": "before"}\n')
    write("d/b.txt", "b")
    update_index(index, reading("d"))
    write("d/a.jsonl", "{")
    update_index(index, reading("d"))
    Path("d/a.jsonl").unlink()
    assert update_index(index, reading("d")) == Update(0, 1, 1)
    assert texts(index) == ["b"]


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_no_other_file_takes_the_id_of_a_row_that_is_kept(
    folder: Path, index: Index, order: str
) -> None:
    bad, other = (f"d/{name}.jsonl" for name in order)
    write(bad, '{"id": "1", "text": "kept"}\n')
    update_index(index, reading("d"))
    write(bad, "{")
    write(other, '{"id": "1", "text": "taken"}\n')
    with pytest.raises(InputError, match=r"id '1' comes twice: the index holds it of .* be read"):
        update_index(index, reading("d"))
    assert texts(index) == ["kept"]


@pytest.mark.parametrize("name", ["a.jsonl", "z.jsonl"])
def test_the_rows_of_a_bad_copy_clash_with_nothing(folder: Path, index: Index, name: str) -> None:
    row = '{"id": "1", "text": "one"}\n'
    write("d/m.jsonl", row)
    write(f"d/{name}", row + '{"id": "2", ')
    read = reading("d")
    assert update_index(index, read) == Update(1, 0, 0)
    assert list(read.failed) == [f"{folder}/d/{name}"]
    assert (texts(index), stamped(index)) == (["one"], ["m.jsonl"])


def test_what_a_folder_holds_stays_while_it_cannot_be_listed(
    folder: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("d/closed").mkdir()
    write("d/closed/a.txt", "kept")
    write("d/b.txt", "b")
    update_index(index, reading("d"))
    listing: Callable[..., object] = Path.iterdir

    def refused(self: Path) -> object:
        if self.name == "closed":
            raise PermissionError(13, "Permission denied")
        return listing(self)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "iterdir", refused)
        read = reading("d")
        assert update_index(index, read) == Update(0, 1, 0)
    assert list(read.failed) == [f"{folder}/d/closed"]
    assert texts(index) == ["b", "kept"]
    Path("d/closed/a.txt").unlink()
    assert update_index(index, reading("d")) == Update(0, 1, 1)


def test_a_table_is_read_once(folder: Path, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    read_rows = readers.read_rows

    def noted(file: Path, delimiter: str | None = None):  # type: ignore[no-untyped-def]
        opened.append(file.name)
        return read_rows(file, delimiter)

    monkeypatch.setattr(readers, "read_rows", noted)
    write("d/a.csv", "id,text\n1,a\n")
    write("d/b.csv", "id,text\n1\n")
    read = reading("d")
    assert update_index(index, read) == Update(1, 0, 0)
    assert opened == ["a.csv", "b.csv"]
    assert update_index(index, reading("d")) == Update(0, 1, 0)
    assert opened == ["a.csv", "b.csv", "b.csv"]


# --- columns and chunks of an unchanged file

TABLE = "id,title,text,body\n1,T,one,eins\n2,U,two,zwei\n"


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (Columns(text="body"), ["T eins", "U zwei"]),
        (Columns(title=""), ["one", "two"]),
        (Columns(title="body"), ["eins one", "zwei two"]),
    ],
)
def test_other_columns_of_an_unchanged_file_are_read(
    folder: Path, index: Index, read_files: list[str], columns: Columns, expected: list[str]
) -> None:
    write("d/a.csv", TABLE)
    update_index(index, reading("d"))
    assert texts(index) == ["T one", "U two"]
    before = index.ids()
    assert update_index(index, reading("d", columns=columns)) == Update(2, 0, 0)
    assert texts(index) == expected
    assert index.ids() == before
    read_files.clear()
    assert update_index(index, reading("d", columns=columns)) == Update(0, 2, 0)
    assert read_files == []
    assert update_index(index, reading("d")) == Update(2, 0, 0)
    assert texts(index) == ["T one", "U two"]


def test_another_id_column_replaces_the_ids(folder: Path, index: Index) -> None:
    write("d/a.csv", TABLE)
    update_index(index, reading("d"))
    assert update_index(index, reading("d", columns=Columns(id="body"))) == Update(2, 0, 2)
    assert index.ids() == {"eins", "zwei"}


def test_tables_that_number_their_rows_alike_are_told_apart_by_place(
    folder: Path, index: Index
) -> None:
    write("d/a.csv", "id,text\n1,one\n1,two\n")
    write("d/b.csv", "id,text\n1,three\n")
    first = reading("d")
    assert update_index(index, first) == Update(1, 0, 0)
    assert [str(error).endswith("--id-column ''") for error in first.failed.values()] == [True]
    with pytest.raises(InputError, match=r"in the index already, from .*b\.csv; .*--id-column ''"):
        update_index(index, reading(write("c.csv", "id,text\n1,four\n").name))
    by_place = Columns(id="")
    assert update_index(index, reading("d", columns=by_place)) == Update(3, 0, 1)
    assert sorted(id_[: id_.index("@")] for id_ in index.ids()) == [
        "d/a.csv#2",
        "d/a.csv#3",
        "d/b.csv#2",
    ]
    assert {one.metadata["id"] for one in index.documents()} == {"1"}
    assert update_index(index, reading("d", columns=by_place)) == Update(0, 3, 0)


def test_the_same_columns_given_again_are_the_same_ids(
    folder: Path, index: Index, tmp_path: Path
) -> None:
    write("d/faq.csv", f"question,answer\nWhy?,So.\nLong?,{LONG}\n")
    columns = Columns(text="answer", title="question")
    first = update_index(index, reading("d", columns=columns))
    before = index.ids()
    assert first.added == len(before) > 2
    again = update_index(index, reading("d", columns=columns), reread=True)
    assert again == Update(0, first.added, 0)
    assert index.ids() == before
    other = Index.create(tmp_path / "other", FakeEmbedder())
    update_index(other, reading("d", columns=Columns(text="answer", title="question")))
    assert other.ids() == before


def test_how_long_a_whole_row_is_decides_what_is_read_again(folder: Path, index: Index) -> None:
    write("d/a.csv", f"id,text\n1,{LONG}\n")
    assert update_index(index, reading("d", max_tokens=4, whole_tokens=12)) == Update(1, 0, 0)
    assert index.ids() == {"1"}
    assert update_index(index, reading("d", max_tokens=4, whole_tokens=11)) == Update(3, 0, 1)


def test_a_long_row_without_an_id_keeps_its_ids_when_its_file_is_named_otherwise(
    folder: Path, index: Index
) -> None:
    write("d/a.csv", f"text\n{LONG}\n")
    added = update_index(index, reading("d")).added
    assert added > 1
    for path in (".", "d/a.csv"):
        assert update_index(index, reading(path)) == Update(0, added, 0)


def test_another_reader_reads_unchanged_files(
    folder: Path, index: Index, read_files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write("d/a.txt", "a")
    update_index(index, reading("d"))
    read_files.clear()
    monkeypatch.setattr(readers, "RULES", readers.RULES + 1)
    assert update_index(index, reading("d")) == Update(0, 1, 0)
    assert read_files == ["a.txt"]


# --- interrupted


class Ending(FakeEmbedder):
    """Is interrupted when it has embedded some texts."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.left = after

    def embed(self, texts, *, progress=None):  # type: ignore[no-untyped-def]
        self.left -= len(texts)
        if self.left < 0:
            raise KeyboardInterrupt
        return super().embed(texts, progress=progress)


def test_an_interrupted_update_with_a_bad_file_goes_on(
    folder: Path, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_SECONDS", 0.0)
    monkeypatch.setattr(blocks, "BLOCK_SHARE", 0.0)
    monkeypatch.setattr(updating, "BATCH", 2)
    write("d/a.csv", "text,n\n" + "".join(f"row {at},{at}\n" for at in range(8)))
    write("d/b.jsonl", '{"id": "1", "text": "old"}\n')
    update_index(index, reading("d/b.jsonl"))
    write("d/b.jsonl", '{"id": "2", "text": "new"}\n{')
    assert index.directory is not None
    with pytest.raises(KeyboardInterrupt):
        update_index(Index.open(index.directory, Ending(5)), reading("d"))
    index = Index.open(index.directory, FakeEmbedder())
    kept = len(index) - 1
    assert 0 < kept < 8
    read = reading("d")
    assert update_index(index, read) == Update(8 - kept, kept, 0)
    assert list(read.failed) == [f"{folder}/d/b.jsonl"]
    assert texts(index) == ["old", *(f"row {at}" for at in range(8))]
