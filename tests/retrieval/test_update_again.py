"""An update reads what changed, embeds what is new, and keeps what it did when it is ended."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("lancedb")
pytest.importorskip("semantic_text_splitter")

from fake_embedder import FakeEmbedder
from word_tokenizer import word_tokenizer

from secondpass.errors import InputError
from secondpass.ingest import updating
from secondpass.ingest.chunking import Chunker
from secondpass.ingest.readers import Reading, read_documents
from secondpass.ingest.sources import SOURCES_FILE, read_stamps
from secondpass.ingest.turn import in_turn
from secondpass.ingest.updating import Update, update_index
from secondpass.retrieval import blocks
from secondpass.retrieval.index import Index
from secondpass.retrieval.stores import lance


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    work = tmp_path / "work"
    work.mkdir()
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

    def noted(self: Reading, file):  # type: ignore[no-untyped-def]
        names.append(file.path.name)
        return records(self, file)

    monkeypatch.setattr(Reading, "records", noted)
    return names


def reading(*paths: str | Path, max_tokens: int = 8) -> Reading:
    return read_documents(paths, Chunker(word_tokenizer(), max_tokens=max_tokens))


def write(name: str, text: str, *, age: float = 60) -> Path:
    """Write a file that was changed `age` seconds ago."""
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    then = time.time() - age
    os.utime(path, (then, then))
    return path


def write_some(count: int = 4) -> None:
    for n in range(count):
        write(f"docs/{n}.txt", f"One two three {n}.\n\nFour five six {n}.")


# --- unchanged files


def test_an_unchanged_file_is_not_read_again(
    folder: Path, index: Index, read_files: list[str]
) -> None:
    write_some()
    update_index(index, reading("docs"))
    assert sorted(read_files) == ["0.txt", "1.txt", "2.txt", "3.txt"]
    read_files.clear()
    assert update_index(index, reading("docs")) == Update(0, 8, 0)
    assert read_files == []
    assert update_index(index, reading("docs"), reread=True) == Update(0, 8, 0)
    assert len(read_files) == 4


def test_one_changed_file_is_read_alone(folder: Path, index: Index, read_files: list[str]) -> None:
    write_some()
    update_index(index, reading("docs"))
    read_files.clear()
    write("docs/2.txt", "One two three 2.\n\nChanged five six.")
    write("docs/new.txt", "New.")
    Path("docs/0.txt").unlink()
    assert update_index(index, reading("docs")) == Update(added=2, unchanged=5, removed=3)
    assert sorted(read_files) == ["2.txt", "new.txt"]


def restore_size_and_time(file: Path, text: str) -> None:
    """Change a file's content, and give it the size and the time that it had."""
    before = file.stat()
    file.write_text(text)
    assert file.stat().st_size == before.st_size
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_change_is_seen_where_size_and_time_are_the_same(folder: Path, index: Index) -> None:
    file = write("docs/a.txt", "One two three.")
    update_index(index, reading("docs"))
    restore_size_and_time(file, "One two seven.")
    assert update_index(index, reading("docs")).added == 1
    other = write("docs/b.txt", "One two eight.")
    os.utime(other, ns=(0, file.stat().st_mtime_ns))
    other.replace(file)
    assert update_index(index, reading("docs")) == Update(1, 0, 1)


def test_a_file_changed_just_now_is_read_again(
    folder: Path, index: Index, read_files: list[str]
) -> None:
    write("docs/old.txt", "Old.")
    write("docs/now.txt", "Now.", age=0)
    write("docs/coming.txt", "Of a clock that goes ahead.", age=-3600)
    update_index(index, reading("docs"))
    read_files.clear()
    update_index(index, reading("docs"))
    assert sorted(read_files) == ["coming.txt", "now.txt"]


def test_other_chunks_are_made_of_unchanged_files(folder: Path, index: Index) -> None:
    write("docs/a.txt", "One two three. Four five six. Seven eight nine.")
    update_index(index, reading("docs", max_tokens=8))
    before = len(index)
    assert update_index(index, reading("docs", max_tokens=4)).added > 0
    assert len(index) > before
    assert update_index(index, reading("docs", max_tokens=8)).removed > 0
    assert len(index) == before


def test_what_was_removed_by_hand_comes_back(folder: Path, index: Index) -> None:
    write_some()
    update_index(index, reading("docs"))
    index.delete([min(index.ids())])
    assert update_index(index, reading("docs")) == Update(1, 7, 0)
    changed = max(index.ids())
    source = index.stored()[changed].source
    index.add([{"id": changed, "text": "by hand", "source": source}], replace=True)
    assert update_index(index, reading("docs")) == Update(1, 7, 0)
    assert "by hand" not in {document.text for document in index.documents()}


def test_rows_with_a_source_of_their_own_are_always_read(
    folder: Path, index: Index, read_files: list[str]
) -> None:
    write("own.jsonl", '{"id": "1", "text": "a", "source": "wiki"}\n')
    write("plain.jsonl", '{"id": "2", "text": "b"}\n')
    update_index(index, reading("."))
    read_files.clear()
    assert update_index(index, reading(".")) == Update(0, 2, 0)
    assert read_files == ["own.jsonl"]


def test_a_new_file_may_not_take_the_id_of_an_unread_one(folder: Path, index: Index) -> None:
    write("z.jsonl", '{"id": "1", "text": "first"}\n')
    update_index(index, reading("."))
    write("a.jsonl", '{"id": "1", "text": "second"}\n')
    with pytest.raises(InputError, match=r"id '1' comes twice, the second time from .*a\.jsonl"):
        update_index(index, reading("."))
    assert [found.text for found in index.search("x")] == ["first"]


@pytest.mark.parametrize("content", ["", "[]", '{"x": 1}', '{"/a": [[1,2,3,4],"r",[1]]}', "\0"])
def test_stamps_that_cannot_be_read_are_none(
    folder: Path, index: Index, read_files: list[str], content: str
) -> None:
    write_some()
    update_index(index, reading("docs"))
    (index.folder / SOURCES_FILE).write_text(content)
    read_files.clear()
    assert update_index(index, reading("docs")) == Update(0, 8, 0)
    assert len(read_files) == 4
    assert len(read_stamps(index.folder)) == 4


def test_stamps_of_files_that_are_gone_are_forgotten(folder: Path, index: Index) -> None:
    write_some()
    write("other/x.txt", "Other.")
    update_index(index, reading("docs", "other"))
    Path("docs/1.txt").unlink()
    update_index(index, reading("docs"))
    names = sorted(Path(source).name for source in read_stamps(index.folder))
    assert names == ["0.txt", "2.txt", "3.txt", "x.txt"]


# --- ids


@pytest.mark.parametrize("way", ["docs", "../work/docs", "absolute", "."])
def test_ids_do_not_depend_on_the_current_folder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    write("docs/sub/a.txt", "One two three.")
    write("docs/rows.csv", "text\nx\n")
    expected = {record.id for record in reading("docs")}
    if way == ".":
        monkeypatch.chdir(folder / "docs")
    found = {record.id for record in reading(folder / "docs" if way == "absolute" else way)}
    assert found == expected
    assert {id_.split("#")[0] for id_ in found} == {"docs/sub/a.txt", "docs/rows.csv"}
    monkeypatch.chdir(tmp_path)
    assert {record.id for record in reading(folder / "docs")} == expected


def test_two_folders_of_one_name_are_told_apart(folder: Path, index: Index) -> None:
    for project in ("p", "q"):
        write(f"{project}/docs/a.txt", "One two three.")
    first, second = reading("p/docs", "q/docs")
    assert first.id.split("@")[0] == second.id.split("@")[0]
    assert first.id != second.id
    assert update_index(index, reading("p/docs", "q/docs")) == Update(2, 0, 0)


def test_a_file_keeps_its_ids_when_it_is_named_by_another_folder(
    folder: Path, index: Index
) -> None:
    write("docs/sub/a.txt", "One two three.")
    update_index(index, reading("docs"))
    before = index.ids()
    for paths in (("docs/sub",), ("docs/sub/a.txt",), (".",)):
        assert update_index(index, reading(*paths), reread=True) == Update(0, 1, 0)
    write("docs/sub/a.txt", "One two three.\n\nFour five six seven eight nine.")
    assert update_index(index, reading("docs/sub")) == Update(1, 1, 0)
    assert {id_.split("#")[0] for id_ in index.ids() | before} == {"docs/sub/a.txt"}


# --- blocks


class Ending(FakeEmbedder):
    """An embedder whose work is ended at a text."""

    def __init__(self, error: type[BaseException]) -> None:
        super().__init__()
        self.error = error
        self.at: int | None = None
        self.embedded: list[str] = []

    def embed(self, texts, *, progress=None):  # type: ignore[no-untyped-def]
        if self.at is not None and len(self.embedded) >= self.at:
            raise self.error
        self.embedded += texts
        return super().embed(texts, progress=progress)


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_update_that_is_ended_goes_on_where_it_was(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_SECONDS", 0.0)
    monkeypatch.setattr(blocks, "BLOCK_SHARE", 0.0)
    monkeypatch.setattr(updating, "BATCH", 2)
    write_some(10)
    embedder = Ending(error)
    index = Index.create(tmp_path / "index", embedder)
    for end in (6, 13):
        embedder.at = end
        with pytest.raises(error):
            update_index(index, reading("docs"))
        assert len(index) == len(embedder.embedded) == end
    embedder.at = None
    assert update_index(index, reading("docs")) == Update(7, 13, 0)
    assert sorted(embedder.embedded) == sorted(set(embedder.embedded))
    whole = Index.create(tmp_path / "whole", FakeEmbedder())
    update_index(whole, reading("docs"))
    assert index.content_sha256() == whole.content_sha256()


def test_blocks_grow_with_the_time_and_lose_no_record() -> None:
    clock = [0.0]

    def ticking() -> Iterator[int]:
        for n in range(20_000):
            clock[0] += 0.1
            yield n

    now: Callable[[], float] = lambda: clock[0]  # noqa: E731
    sizes, got = [], []
    for block in blocks.in_blocks(ticking(), now):
        part = list(block)
        sizes.append(len(part))
        got += part
    assert got == list(range(20_000))
    # 2 s at first, 2 % of 2,000 s at the end: far fewer commits than 2,000 s / 2 s.
    assert 19 <= sizes[0] <= 22
    assert max(sizes) > 300
    assert len(sizes) < 250


def test_an_error_in_the_last_file_is_known_before_anything_is_embedded(
    folder: Path, tmp_path: Path
) -> None:
    embedder = Ending(KeyboardInterrupt)
    index = Index.create(tmp_path / "index", embedder)
    write_some()
    write("docs/z.jsonl", "no json")
    with pytest.raises(InputError, match=r"z\.jsonl line 1"):
        update_index(index, reading("docs"))
    assert embedder.embedded == []


# --- doubles, waste, turns


def test_a_document_that_is_there_twice_is_mended(folder: Path, index: Index) -> None:
    write_some()
    update_index(index, reading("docs"))
    index.add([{"id": "by hand", "text": "mine"}])
    held = index.content_sha256()
    table = index._store._table  # type: ignore[attr-defined]
    table.add(table.to_arrow())
    assert len(index) == 18
    assert update_index(index, reading("docs")) == Update(0, 8, 0)
    assert (len(index), index.content_sha256()) == (9, held)
    assert index.mend() == 0


def size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def test_many_updates_do_not_let_the_index_grow(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lance, "_READ_SECONDS", -1e3)
    index = Index.create(tmp_path / "index", FakeEmbedder(dimension=256))
    write_some(40)
    update_index(index, reading("docs"))
    once = size_of(index.folder)
    for n in range(60):
        write(
            "docs/0.txt",
            "".join(f"Changed {n} {at} times again and again.\n\n" for at in range(40)),
        )
        update_index(index, reading("docs"))
    assert size_of(index.folder) < 4 * once
    versions = list(index.folder.glob("documents.lance/_versions/*.manifest"))
    assert len(versions) < 60
    assert len(index) == 78 + 40


def test_commits_that_a_reader_may_be_in_are_kept(
    folder: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lance, "_READ_SECONDS", 1e3)
    for n in range(30):
        index.add([{"id": f"{n}", "text": "x"}])
    before = sorted(index.folder.glob("documents.lance/_versions/*.manifest"))
    index.tidy()
    assert sorted(index.folder.glob("documents.lance/_versions/*.manifest")) == before


def test_a_turn_leaves_no_folder_without_an_index(tmp_path: Path) -> None:
    place = tmp_path / "new" / "index"
    with pytest.raises(LookupError), in_turn(place, lambda: None):
        [][place.is_dir()]
    assert not place.exists()
    with in_turn(place, lambda: None):
        Index.create(place, FakeEmbedder())
    assert len(Index.open(place, FakeEmbedder())) == 0


def test_a_turn_is_refused_where_there_is_something_else(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name, message in (("full", "holds something else"), ("file", "is a file")):
        with pytest.raises(InputError, match=message), in_turn(tmp_path / name, lambda: None):
            pass
    assert (tmp_path / "full" / "mine.txt").read_text() == "mine"


def test_two_indexes_of_one_folder_never_commit_an_id_twice(folder: Path, index: Index) -> None:
    """Each has a lock of its own, as two processes have."""
    documents = [{"id": f"{n}", "text": f"text {n}"} for n in range(20)]

    def write() -> None:
        other = Index.open(index.folder, FakeEmbedder())
        for document in documents:
            other.add([document], replace=True)

    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(index) == len(index.ids()) == 20
