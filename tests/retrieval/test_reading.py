from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import pytest

pytest.importorskip("lancedb")
pytest.importorskip("semantic_text_splitter")

from fake_embedder import FakeEmbedder
from word_tokenizer import word_tokenizer

from secondpass.errors import InputError
from secondpass.ingest.chunking import Chunker
from secondpass.ingest.readers import Reading, read_documents
from secondpass.ingest.updating import Update, changed, stale_ids, update_index
from secondpass.retrieval.index import Index, store_identity
from secondpass.retrieval.records import Record, to_record
from secondpass.retrieval.stores.memory import MemoryStore
from secondpass.types import Document


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


def reading(*paths: str | Path, max_tokens: int = 8) -> Reading:
    return read_documents(paths, Chunker(word_tokenizer(), max_tokens=max_tokens))


def read(*paths: str | Path, max_tokens: int = 8) -> list[Document]:
    return [record.document for record in reading(*paths, max_tokens=max_tokens)]


def write(name: str, content: str | bytes) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


# --- text


def test_text_becomes_chunks_that_name_their_place(folder: Path) -> None:
    text = "One two three. Four five six.\r\n\r\nSeven 😀 nine."
    write("notes/a.txt", text)
    first, second = read("notes")
    assert first.text == "One two three. Four five six."
    assert second.text == "Seven 😀 nine."
    source = f"{folder.as_posix()}/notes/a.txt"
    assert second.metadata == {"source": source, "start": 33, "end": 46}
    assert text[33:46] == second.text
    path, digest = second.id.split("@")
    assert path == "notes/a.txt#33-46"
    assert len(digest) == 12


def test_the_id_changes_with_the_content_and_only_then(folder: Path) -> None:
    write("a.txt", "One two three.")
    (before,) = read("a.txt")
    assert read("a.txt") == read(folder / "a.txt") == read("./../work/a.txt") == [before]
    write("a.txt", "One two Three.")
    (after,) = read("a.txt")
    assert before.id.split("@")[0] == after.id.split("@")[0]
    assert before.id != after.id


def test_the_same_name_and_content_elsewhere_is_another_document(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = set()
    for name in ("x", "y"):
        write(f"{name}/a.txt", "One two three.")
        monkeypatch.chdir(folder / name)
        ids |= {document.id for document in read("a.txt")}
        monkeypatch.chdir(folder)
    assert len(ids) == 2


def test_markdown_is_read_as_markdown(folder: Path) -> None:
    markdown = "# One\n\ntwo three\n\n# Four\n\nfive six\n"
    write("a.md", markdown)
    write("b.MARKDOWN", markdown)
    write("c.txt", markdown)
    for name in ("a.md", "b.MARKDOWN"):
        assert [document.text[:5] for document in read(name, max_tokens=7)] == ["# One", "# Fou"]
    assert "# Four" in read("c.txt", max_tokens=7)[0].text


def test_a_byte_order_mark_is_no_text(folder: Path) -> None:
    write("a.txt", b"\xef\xbb\xbfOne two.")
    write("b.jsonl", b'\xef\xbb\xbf{"text": "x", "id": "1"}\n')
    write("c.csv", b"\xef\xbb\xbfid,text\n2,y\n")
    assert read("a.txt")[0].text == "One two."
    assert read("a.txt")[0].metadata["start"] == 0
    assert [document.id for document in read("b.jsonl", "c.csv")] == ["1", "2"]


@pytest.mark.parametrize("content", ["", " \n\n "])
def test_a_file_of_white_space_has_no_document(folder: Path, content: str) -> None:
    write("a.txt", content)
    write("b.jsonl", content)
    write("c.csv", content.strip())
    assert read(".") == []
    assert len(reading(".").found.files) == 3


@pytest.mark.parametrize(
    ("name", "content", "offset"),
    [
        ("a.txt", b"one\ntwo caf\xe9 three", 11),
        ("a.txt", b"\xef\xbb\xbfone\xff", 6),
        ("a.jsonl", b'{"text": "a"}\n{"text": "\xe9"}\n', 24),
        ("a.csv", b"id,text\n1,caf\xe9\n", 13),
    ],
)
def test_bytes_that_are_no_utf8_are_named(
    folder: Path, name: str, content: bytes, offset: int
) -> None:
    path = write(name, content)
    with pytest.raises(InputError, match=rf"{name} is not UTF-8: byte 0x\w\w at offset {offset};"):
        read(name)
    assert path.read_bytes() == content


# --- rows


def test_json_lines(folder: Path) -> None:
    rows = [
        {"id": "a", "text": "one", "title": "T", "tags": ["x", {"y": None}]},
        {"_id": "b", "content": "two"},
        {"id": 3, "_id": "other", "text": "three", "content": "kept"},
        {"text": ""},
    ]
    lines = "\n\n".join(json.dumps(row) for row in rows)
    write("a.jsonl", lines + "\r\n")
    one, two, three, four = read("a.jsonl")
    source = {"source": f"{folder.as_posix()}/a.jsonl"}
    assert one == Document("a", "T one", {"title": "T", "tags": ["x", {"y": None}], **source})
    assert two == Document("b", "two", source)
    assert three == Document("3", "three", {"_id": "other", "content": "kept", **source})
    assert (four.text, four.metadata) == ("", source)
    assert four.id.startswith("a.jsonl#7@")


def test_a_line_ends_only_at_a_line_feed(folder: Path) -> None:
    text = "next\x85line\u2028separator\x0bvertical\rreturn"
    write("a.ndjson", json.dumps({"id": "1", "text": text}, ensure_ascii=False) + "\n")
    assert read("a.ndjson")[0].text == text


def test_csv(folder: Path) -> None:
    write("a.csv", 'id,text,Titel\r\n1,"two\r\nlines, ""quoted""",ä\r\n\r\n2,,\r\n')
    one, two = read("a.csv")
    source = f"{folder.as_posix()}/a.csv"
    assert one == Document("1", 'two\r\nlines, "quoted"', {"Titel": "ä", "source": source})
    assert two == Document("2", "", {"Titel": "", "source": source})


def test_rows_without_an_id_are_told_apart_by_their_line(folder: Path) -> None:
    write("a.csv", 'text\n"x\ny"\nsame\nsame\n')
    ids = [document.id.split("@")[0] for document in read("a.csv")]
    assert ids == ["a.csv#2", "a.csv#4", "a.csv#5"]
    before = [document.id for document in read("a.csv")]
    write("a.csv", 'text\n"x\ny"\nother\nsame\n')
    after = [document.id for document in read("a.csv")]
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False, True]


def test_a_column_named_source_stays_the_rows_own(folder: Path) -> None:
    write("a.jsonl", '{"id": "1", "text": "x", "source": "wikipedia"}')
    assert read("a.jsonl")[0].metadata == {"source": "wikipedia"}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"text": "a"}\n\n{"title": "b"}', r"line 3 has neither 'text' nor 'content'"),
        ("a.jsonl", '{"text": null}', "line 1: text is null"),
        ("a.jsonl", '{"text": "a"}\n{"text": "a", ', "line 2 is not valid JSON"),
        ("a.jsonl", '["a"]', "line 1 is the list .*, expected an object"),
        ("a.jsonl", '{"text": "a", "id": null}', "line 1: id is null"),
        ("a.jsonl", '{"text": "a", "id": true}', "line 1: id is the boolean true"),
        ("a.jsonl", '{"text": "a", "id": ""}', "line 1: id is empty"),
        ("a.jsonl", '{"text": "a", "x": NaN}', "line 1: metadata"),
        ("a.jsonl", '{"text": "\\ud800"}', "line 1: text has a lone surrogate"),
        ("a.jsonl", "[" * 100_000, "line 1 is not valid JSON"),
        ("a.csv", "title,body\n1,2\n", "line 2 has neither 'text' nor 'content'"),
        ("a.csv", "id,text\n1,a\n2\n", "line 3 has 1 cells, the header 2"),
        ("a.csv", "id,text\n1,a,b\n", "line 2 has 3 cells, the header 2"),
        ("a.csv", "text,text\n1,a\n", "line 1: two columns have the same name"),
        ("a.csv", 'id,text\n1,"never closed\n', "line 2 is not valid CSV"),
        ("a.csv", "id,text\n,a\n", "line 2: id is empty"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(
    folder: Path, name: str, content: str, message: str
) -> None:
    write(name, content)
    with pytest.raises(InputError, match=rf"{folder}/{name} {message}"):
        read(name)


# --- files and folders


def test_folders_are_read_in_order_at_any_depth_each_file_once(folder: Path) -> None:
    for name in ("d/b.txt", "d/a/z.rst", "d/a/y.md", "d/c.TXT", "e.txt"):
        write(name, name)
    shown = [file.shown for file in reading("d", "e.txt", "d/b.txt", folder).found.files]
    assert shown == [
        f"work/{name}" for name in ("d/a/y.md", "d/a/z.rst", "d/b.txt", "d/c.TXT", "e.txt")
    ]
    assert [document.text for document in read("e.txt", "d/a")] == [
        "d/a/y.md",
        "d/a/z.rst",
        "e.txt",
    ]


def test_what_a_folder_holds_beside_is_listed(folder: Path) -> None:
    for name in (
        "d/a.txt",
        "d/b.odt",
        "d/noext",
        "d/.hidden.txt",
        "d/.git/x.txt",
        "d/x.lance/y.md",
    ):
        write(name, "text")
    Path("d/loop").symlink_to(folder / "d")
    Path("d/dangling.txt").symlink_to("nowhere")
    found = reading("d").found
    assert [file.shown for file in found.files] == ["d/a.txt"]
    assert found.skipped == (
        "d/.git",
        "d/.hidden.txt",
        "d/b.odt",
        "d/dangling.txt",
        "d/loop",
        "d/noext",
        "d/x.lance",
    )


def test_a_hidden_file_that_is_named_is_read(folder: Path) -> None:
    write("d/.hidden.txt", "text")
    found = reading("d", "d/.hidden.txt").found
    assert ([file.shown for file in found.files], found.skipped) == (["d/.hidden.txt"], ())


def test_paths_are_checked_before_anything_is_read(folder: Path) -> None:
    write("a.odt", "x")
    write("a.txt", "x")
    with pytest.raises(
        InputError, match=r"a\.odt has the suffix '\.odt', supported are text \(\.txt.*\.parquet\)"
    ):
        reading("a.txt", "a.odt")
    with pytest.raises(InputError, match=f"no file or folder {folder}/missing"):
        reading("a.txt", "missing")
    with pytest.raises(InputError, match="expected a list"):
        read_documents("a.txt", Chunker(word_tokenizer()))
    with pytest.raises(InputError, match="expected a list"):
        read_documents(Path("a.txt"), Chunker(word_tokenizer()))


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission(folder: Path) -> None:
    write("a.txt", "x").chmod(0)
    with pytest.raises(InputError, match=r"a\.txt cannot be read: Permission denied"):
        read("a.txt")


def test_a_file_that_vanishes_after_it_was_found(folder: Path) -> None:
    path = write("a.txt", "x")
    documents = reading("a.txt")
    path.unlink()
    with pytest.raises(InputError, match=r"a\.txt cannot be read: No such file"):
        list(documents)


def test_files_are_read_one_by_one(folder: Path) -> None:
    write("a.txt", "good")
    write("b.txt", b"\xff")
    documents = iter(reading("."))
    assert next(documents).text == "good"
    with pytest.raises(InputError, match=r"b\.txt"):
        next(documents)


# --- again


def test_the_second_time_nothing_is_new(folder: Path, index: Index) -> None:
    write("a.txt", "One two three. Four five six.\n\nSeven eight nine.")
    write("b.jsonl", '{"id": "r1", "text": "x", "n": 1.5}\n{"text": "y"}\n')
    assert update_index(index, reading(".")) == Update(added=4, unchanged=0, removed=0)
    commits = sorted(index.folder.glob("documents.lance/_versions/*.manifest"))
    assert update_index(index, reading(".")) == Update(added=0, unchanged=4, removed=0)
    assert sorted(index.folder.glob("documents.lance/_versions/*.manifest")) == commits
    assert list(changed(index.stored(), reading("."))) == []


def test_changed_files_lose_their_old_chunks_and_others_are_left_alone(
    folder: Path, index: Index
) -> None:
    write("d/a.txt", "One two three. Four five six.\n\nSeven eight nine.")
    write("d/b.txt", "Beta.")
    write("e/c.txt", "Gamma.")
    index.add([{"id": "mine", "text": "mine", "source": "elsewhere"}, {"id": "bare", "text": "b"}])
    assert update_index(index, reading("d", "e")) == Update(4, 0, 0)
    write("d/a.txt", "One two three. Four five six.\n\nSeven changed nine.")
    assert update_index(index, reading("d/a.txt")) == Update(added=1, unchanged=1, removed=1)
    texts = {found.text for found in index.search("x", limit=99)}
    assert texts == {
        "One two three. Four five six.",
        "Seven changed nine.",
        "Beta.",
        "Gamma.",
        "mine",
        "b",
    }


def test_a_deleted_file_is_forgotten_with_its_folder_only(folder: Path, index: Index) -> None:
    for name in ("d/a.txt", "d/b.txt", "d2/c.txt", "e.txt"):
        write(name, f"text of {name}")
    update_index(index, reading("."))
    for name in ("d/a.txt", "d2/c.txt", "e.txt"):
        Path(name).unlink()
    assert update_index(index, reading("d/b.txt")) == Update(0, 1, 0)
    # "d" is no beginning of "d2".
    assert update_index(index, reading("d")) == Update(0, 1, 1)
    assert len(index) == 3
    assert update_index(index, reading(".")) == Update(0, 1, 2)


def test_the_same_names_in_another_folder_are_other_files(
    folder: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    for project in ("p", "q"):
        write(f"{project}/a.txt", "same")
    for project in ("p", "q"):
        monkeypatch.chdir(folder / project)
        assert update_index(index, reading(".")) == Update(1, 0, 0)
    assert len(index) == 2


def test_a_row_that_changes_under_its_id_is_replaced(folder: Path, index: Index) -> None:
    write(
        "a.jsonl", '{"id": "1", "text": "old"}\n{"id": "2", "text": "x"}\n{"id": "3", "text": "y"}'
    )
    update_index(index, reading("."))
    write("a.jsonl", '{"id": "1", "text": "new"}\n{"id": "2", "text": "x", "added": true}')
    assert update_index(index, reading(".")) == Update(added=2, unchanged=0, removed=1)
    found = {document.id: document for document in index.search("x")}
    assert found["1"].text == "new"
    assert found["2"].metadata["added"] is True
    assert set(found) == {"1", "2"}


def test_an_error_in_the_last_file_changes_nothing(folder: Path, index: Index) -> None:
    write("a.txt", "One two three.")
    update_index(index, reading("."))
    held = index.stored()
    write("a.txt", "changed")
    write("b.txt", "new")
    write("z.jsonl", "no json")
    with pytest.raises(InputError, match=r"z\.jsonl line 1"):
        update_index(index, reading("."))
    assert index.stored() == held


def test_two_rows_with_one_id(folder: Path, index: Index) -> None:
    write("a.jsonl", '{"id": "1", "text": "x"}')
    write("b.jsonl", '{"id": "1", "text": "y"}')
    with pytest.raises(InputError, match=r"id '1' comes twice, the second time from .*b\.jsonl"):
        update_index(index, reading("."))
    assert len(index) == 0


def test_another_files_id_is_refused_and_not_replaced(folder: Path, index: Index) -> None:
    write("one/a.jsonl", '{"id": "1", "text": "first"}\n')
    write("two/b.jsonl", '{"id": "1", "text": "second"}\n')
    update_index(index, reading("one"))
    with pytest.raises(InputError, match=r"id '1' of .*b\.jsonl is in the index.*a\.jsonl"):
        update_index(index, reading("two"))
    assert [found.text for found in index.search("first", 5)] == ["first"]
    index.add([Document("9", "by hand")])
    write("one/a.jsonl", '{"id": "9", "text": "from a file"}\n')
    with pytest.raises(InputError, match="from elsewhere"):
        update_index(index, reading("one"))


def test_a_source_column_of_the_row_may_change(folder: Path, index: Index) -> None:
    write("a.jsonl", '{"id": "1", "text": "x", "source": "wiki"}\n')
    update_index(index, reading("a.jsonl"))
    write("a.jsonl", '{"id": "1", "text": "x", "source": "web"}\n')
    assert update_index(index, reading("a.jsonl")).added == 1


def test_progress_counts_only_what_is_embedded(folder: Path, index: Index) -> None:
    for n in range(5):
        write(f"{n}.txt", f"text {n}")
    update_index(index, reading("0.txt", "1.txt"))
    finished: dict[str, list[int]] = {}

    @contextmanager
    def bar(description: str, total: int) -> Iterator[Callable[[int], None]]:
        finished[description] = [total]
        yield finished[description].append

    update_index(index, reading("."), progress=bar)
    assert finished["reading"][0] == sum(finished["reading"][1:]) == 5
    assert finished["embedding"][0] == sum(finished["embedding"][1:]) == 3


def test_an_update_scans_the_store_once(folder: Path) -> None:
    class Counting(MemoryStore):
        scanned: ClassVar[list[list[str]]] = []

        def scan(self, columns):  # type: ignore[no-untyped-def]
            self.scanned.append(list(columns))
            return super().scan(columns)

    embedder = FakeEmbedder()
    index = Index(Counting(store_identity(embedder)), embedder)
    write("a.txt", "One two three. Four five six.\n\nSeven eight nine.")
    assert update_index(index, reading(".")) == Update(2, 0, 0)
    write("a.txt", "One two three. Four five six.\n\nSeven changed nine.")
    assert update_index(index, reading(".")) == Update(1, 1, 1)
    assert Counting.scanned == [["id", "digest", "source"]] * 2
    assert index.search("Seven changed nine.", 1)[0].text == "Seven changed nine."
    with pytest.raises(InputError, match="in memory has no folder"):
        _ = index.folder


def test_stale_ids_only_names_what_it_would_remove(folder: Path, index: Index) -> None:
    write("a.txt", "One two three.")
    update_index(index, reading("."))
    contents, named = index.stored(), reading(".").found.named
    (held,) = contents
    assert stale_ids(contents, named, {held}) == set()
    assert stale_ids(contents, named, set()) == {held}
    assert len(index) == 1


def test_records_pass_one_by_one() -> None:
    def records() -> Iterator[Record]:
        yield to_record(Document("1", "a"), "a record")
        raise AssertionError("read too far")

    assert next(changed({}, records())).id == "1"
