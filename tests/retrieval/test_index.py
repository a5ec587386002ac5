from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("lancedb")

from fake_embedder import FakeEmbedder
from margins import assert_same_order

import secondpass
from secondpass.errors import (
    IndexExistsError,
    IndexFileError,
    InputError,
    MissingExtraError,
    ModelError,
)
from secondpass.retrieval.index import Index
from secondpass.types import Document, RetrievedDocument

NASTY_IDS = [
    "it's",
    "''",
    "' OR 1=1 --",
    "a\\'b",
    "back\\",
    'double"quote',
    "line\nfeed",
    "nul\0byte",
    "%_",
    "é😀",
    "\u202eעברית",
    " ",
]


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return Index.create(tmp_path / "index", FakeEmbedder())


def numbered(count: int, prefix: str = "d") -> Iterator[Document]:
    return (Document(f"{prefix}{n}", f"text {prefix}{n}", {"n": n}) for n in range(count))


def contents(index: Index) -> dict[str, str]:
    """Return what is in the index by id, read by another object, as another process would."""
    stored = Index.open(index.folder, FakeEmbedder()).stored()
    return {id_: one.digest for id_, one in stored.items()}


def commits(index: Index) -> int:
    """Return how many commits the folder holds."""
    return len(list(index.folder.glob("documents.lance/_versions/*.manifest")))


# --- add and search


def test_search_is_exact_cosine_nearest_first(index: Index) -> None:
    index.add(numbered(500), batch_size=64)
    embedder = FakeEmbedder()
    for query in ("text d7", "something else", "third"):
        vectors = embedder.embed([f"text d{n}" for n in range(500)])
        expected = vectors @ embedder.embed([query])[0]
        cosines = {f"d{n}": float(cosine) for n, cosine in enumerate(expected)}
        found = index.search(query, limit=20)
        assert_same_order([document.id for document in found], cosines, 2e-6)
        np.testing.assert_allclose(
            [document.similarity for document in found],
            [cosines[document.id] for document in found],
            atol=1e-6,
        )


def test_a_result_is_the_document_as_it_was_added(index: Index) -> None:
    metadata = {
        "title": "Ünïcode 😀 عربى",
        "nested": {"list": [1, 2.5, None, True, {"deep": []}], "empty": {}},
        "big": 2**70,
        "tiny": 5e-324,
        "quote": 'it\'s "here"\\\n',
    }
    index.add([Document("a", "שלום עולם \u202e\0 text", metadata)])
    (found,) = index.search("שלום", limit=1)
    assert isinstance(found, RetrievedDocument)
    assert (found.id, found.text, found.metadata) == ("a", "שלום עולם \u202e\0 text", metadata)


def test_similarity_stays_within_its_bounds(index: Index) -> None:
    index.add(numbered(300))
    for n in range(0, 300, 10):
        (found,) = index.search(f"text d{n}", limit=1)
        assert found.id == f"d{n}"
        assert 0.999999 < found.similarity <= 1.0


def test_equal_similarities_are_in_the_order_of_ids_also_at_the_limit(index: Index) -> None:
    index.add([Document("far", "far")])
    # Three commits, so that the equal vectors lie in several files.
    for third in range(3):
        index.add(Document(f"{n:03}", "same") for n in reversed(range(third, 150, 3)))
    for limit in (1, 7, 149, 150):
        found = [document.id for document in index.search("same", limit=limit)]
        assert found == [f"{n:03}" for n in range(limit)]
    assert index.search("same", limit=151)[-1].id == "far"


def test_search_limits(index: Index) -> None:
    assert index.search("anything") == []
    index.add(numbered(12))
    assert len(index.search("x")) == 10
    assert len(index.search("x", limit=10**12)) == 12
    for limit in (0, -1, True, 2.0, "3", None):
        with pytest.raises(InputError, match="limit is"):
            index.search("x", limit=limit)  # type: ignore[arg-type]


@pytest.mark.parametrize("query", ["", "  \n\t", "a\ud800", None, b"x"])
def test_unusable_query(index: Index, query: object) -> None:
    with pytest.raises(InputError, match="query"):
        index.search(query)  # type: ignore[arg-type]


def test_mappings(index: Index) -> None:
    item = {"text": "one", "id": "1", "content": "kept", "_id": 7}
    assert index.add([item, MappingProxyType({"content": "two", "year": 2001})]) == 2
    assert item == {"text": "one", "id": "1", "content": "kept", "_id": 7}
    one, two = index.search("one", limit=1)[0], index.search("two", limit=1)[0]
    assert (one.id, one.text, one.metadata) == ("1", "one", {"content": "kept", "_id": 7})
    assert (two.text, two.metadata) == ("two", {"year": 2001})


def test_an_id_made_of_the_content_is_always_the_same(index: Index) -> None:
    index.add([{"text": "ab", "x": 1, "y": 2}, {"text": "a", "x": 1}, {"text": "ab"}])
    # Pinned: printf '["ab", "{}"]' | sha256sum. Other ids would add what is there anew.
    assert "62b6bbbcad75b55173e395aa5d0187e4" in index.ids()
    assert len(index) == 3
    with pytest.raises(InputError, match=r"document 0: id .* is already in the index"):
        index.add([{"y": 2, "x": 1, "content": "ab"}])


def test_ten_thousand_documents_stream_in_one_commit(index: Index) -> None:
    embedder = FakeEmbedder()
    index = Index.open(index.folder, embedder)
    finished: list[int] = []
    before = commits(index)
    assert index.add(numbered(10_000), batch_size=1000, progress=finished.append) == 10_000
    assert commits(index) == before + 1
    assert embedder.batch_sizes == finished == [1000] * 10
    assert len(index) == 10_000
    assert index.ids() == {f"d{n}" for n in range(10_000)}
    assert index.search("text d9999", limit=1)[0].id == "d9999"


def test_memory_does_not_grow_with_the_number_of_documents(index: Index) -> None:
    def large(count: int) -> Iterator[Document]:
        # Long words, for words are what takes time here.
        return (Document(f"{count}-{n}", f"{n:099} " * 250) for n in range(count))

    index.add(large(10), batch_size=10)
    tracemalloc.start()
    index.add(large(2_000), batch_size=10)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(index) == 2_010
    # The texts are 50 MB together, a batch a quarter of one.
    assert peak < 8_000_000


def test_small_adds_can_be_merged(index: Index) -> None:
    for n in range(12):
        index.add([Document(str(n), f"text {n}")])
    held = contents(index)
    time.sleep(0.05)
    index.optimize(keep_minutes=1e-9)
    data = index.folder / "documents.lance" / "data"
    assert len(list(data.iterdir())) == 1
    assert contents(index) == held
    assert index.search("text 5", limit=1)[0].id == "5"
    for keep_minutes in (0, -1, float("nan"), float("inf"), True, "5"):
        with pytest.raises(InputError, match="keep_minutes"):
            index.optimize(keep_minutes=keep_minutes)  # type: ignore[arg-type]


def test_empty_list_and_empty_text(index: Index) -> None:
    before = commits(index)
    assert index.add([]) == 0
    assert commits(index) == before
    assert index.add([Document("empty", "")]) == 1
    assert index.search("x", limit=1)[0].text == ""


# --- what is refused, and that nothing is written then


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"title": "no text"}, "neither 'text' nor 'content'"),
        ({"text": None}, "text is NoneType"),
        ({"text": 3}, "text is int"),
        ({"text": "a\udc80"}, "lone surrogate"),
        ({"text": "a", "id": ""}, "id is empty"),
        ({"text": "a", "id": 7}, "id is the number 7"),
        ({"text": "a", "id": True}, "id is bool"),
        ({"text": "a", "id": None}, "id is NoneType"),
        ({"text": "a", "id": "\ud800"}, "lone surrogate"),
        ({"text": "a", "x": float("nan")}, "metadata"),
        ({"text": "a", "x": [float("inf")]}, "metadata"),
        ({"text": "a", "x": {1: "a", "1": "b"}}, "key 1"),
        ({"text": "a", "x": [{None: 0}]}, "key None"),
        ({"text": "a", "x": "\ud800"}, "lone surrogate"),
        ({"text": "a", "x": {"\ud800": 1}}, "lone surrogate"),
        ({"text": "a", "x": b"bytes"}, "metadata"),
        ({"text": "a", "x": {1, 2}}, "metadata"),
        ({"text": "a", 5: "x"}, "key 5"),
        ("just a string", "str, expected a Document"),
        (None, "NoneType"),
        (Document("a", "b", {"x": object()}), "metadata"),
        (Document("a", "b", [1]), "metadata is list"),  # type: ignore[arg-type]
        (Document(3, "b"), "number 3"),  # type: ignore[arg-type]
        (Document("a", None), "text is NoneType"),  # type: ignore[arg-type]
    ],
)
def test_a_bad_document_is_named_and_nothing_is_written(
    index: Index, item: object, message: str
) -> None:
    index.add([Document("old", "old")])
    held, before = contents(index), commits(index)

    def documents() -> Iterator[object]:
        yield from numbered(5000)
        yield item

    with pytest.raises(InputError, match=f"document 5000.*{message}"):
        index.add(documents(), batch_size=512)  # type: ignore[arg-type]
    assert contents(index) == held
    assert commits(index) == before


def test_metadata_that_contains_itself(index: Index) -> None:
    loop: dict[str, object] = {}
    loop["self"] = loop
    with pytest.raises(InputError, match="document 0: metadata"):
        index.add([Document("a", "b", loop)])


@pytest.mark.parametrize("documents", ["text", {"text": "a"}, 5, None])
def test_documents_that_are_no_list(index: Index, documents: object) -> None:
    with pytest.raises(InputError, match="documents is"):
        index.add(documents)  # type: ignore[arg-type]


@pytest.mark.parametrize("batch_size", [0, -1, True, 1.5])
def test_batch_size(index: Index, batch_size: object) -> None:
    with pytest.raises(InputError, match="batch_size"):
        index.add([], batch_size=batch_size)  # type: ignore[arg-type]


def test_an_id_twice_in_one_add(index: Index) -> None:
    documents = [Document("a", "1"), Document("b", "2"), Document("a", "3")]
    with pytest.raises(InputError, match="document 2: id 'a' is also document 0's"):
        index.add(documents)
    assert len(index) == 0


def test_an_id_that_is_there_already(index: Index) -> None:
    index.add([Document("a", "old")])
    held = contents(index)
    with pytest.raises(InputError, match=r"document 1: id 'a' is already.*replace=True"):
        index.add([Document("b", "new"), Document("a", "new")])
    assert contents(index) == held


def test_an_id_that_another_writer_adds_meanwhile(index: Index) -> None:
    other = Index.open(index.folder, FakeEmbedder())

    def documents() -> Iterator[Document]:
        yield Document("a", "mine")
        other.add([Document("a", "theirs")])

    with pytest.raises(InputError, match=r"'a' is in the index .* already"):
        index.add(documents())
    assert [found.text for found in index.search("x")] == ["theirs"]


def test_documents_may_read_and_write_the_index_they_go_into(index: Index) -> None:
    def documents() -> Iterator[Document]:
        for document in numbered(5):
            index.add([Document(f"side {document.id}", "side")])
            assert document.id not in index.ids()
            assert index.search("side")
            yield document

    assert index.add(documents(), batch_size=2) == 5
    assert len(index) == 10


def test_an_error_of_the_caller_comes_through_as_it_is(index: Index) -> None:
    index.add(numbered(3, "old"))
    held = contents(index)

    def documents() -> Iterator[Document]:
        yield from numbered(3000)
        raise KeyError("the caller's own")

    with pytest.raises(KeyError, match="the caller's own"):
        index.add(documents(), batch_size=100)
    assert contents(index) == held
    names = {entry.name for entry in index.folder.iterdir()}
    assert names - {"__manifest"} == {"documents.lance"}  # lancedb 0.34 keeps a list of tables


# --- replace


def test_replace_changes_what_is_there_and_adds_the_rest_in_one_commit(index: Index) -> None:
    index.add(numbered(50))
    before = commits(index)
    changed = [Document(f"d{n}", f"changed {n}", {"new": True}) for n in range(40, 60)]
    assert index.add(changed, replace=True, batch_size=7) == 20
    assert commits(index) == before + 1
    assert index.ids() == {f"d{n}" for n in range(60)}
    assert len(index) == 60
    found = index.search("changed 41", limit=1)[0]
    assert (found.id, found.metadata) == ("d41", {"new": True})
    assert index.search("text d41", limit=1)[0].similarity < 0.999
    assert index.search("text d39", limit=1)[0].similarity > 0.999


@pytest.mark.parametrize("there_before", [False, True])
def test_replace_keeps_the_last_of_one_id(index: Index, there_before: bool) -> None:
    if there_before:
        index.add([Document("a", "zero")])
    documents = [Document("a", "one"), Document("b", "two"), Document("a", "three")]
    assert index.add(documents, replace=True, batch_size=2) == 2
    assert {found.id: found.text for found in index.search("x")} == {"a": "three", "b": "two"}


# --- delete


def test_delete(index: Index) -> None:
    index.add(numbered(10))
    assert index.delete(["d1", "d2", "d2", "unknown"]) == 2
    assert index.delete(["d1"]) == 0
    assert index.delete([]) == 0
    assert index.delete(f"d{n}" for n in (3, 4)) == 2
    assert index.ids() == {"d0", "d5", "d6", "d7", "d8", "d9"}
    assert index.add([Document("d1", "again")]) == 1


@pytest.mark.parametrize("ids", ["d1", b"d1", [1], [""], [None], ["d1", "\ud800"], 5])
def test_delete_refuses_what_is_no_list_of_ids(index: Index, ids: object) -> None:
    index.add(numbered(3))
    with pytest.raises(InputError, match="ids"):
        index.delete(ids)  # type: ignore[arg-type]
    assert len(index) == 3


def test_ids_with_quotes(index: Index) -> None:
    index.add(Document(id_, f"text of {id_}") for id_ in NASTY_IDS)
    left = set(NASTY_IDS)
    for id_ in NASTY_IDS:
        assert index.search(f"text of {id_}", limit=1)[0].id == id_
        assert index.delete([id_]) == 1
        left.remove(id_)
        assert index.ids() == left
    index.add(Document(id_, "again") for id_ in NASTY_IDS)
    assert index.add([Document(id_, "more") for id_ in NASTY_IDS], replace=True) == len(NASTY_IDS)
    assert index.delete(NASTY_IDS) == len(NASTY_IDS)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(ids=st.sets(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1))
def test_any_text_can_be_an_id(index: Index, ids: set[str]) -> None:
    kept = "kept beside " + max(ids)
    index.add([Document(kept, "x"), *(Document(id_, "y") for id_ in ids)], replace=True)
    assert index.ids() == ids | {kept}
    assert index.delete(ids) == len(ids)
    assert index.ids() == {kept}
    index.delete([kept])


# --- create and open


def test_what_is_added_is_there_after_opening(index: Index) -> None:
    index.add(numbered(5))
    again = Index.open(str(index.folder), FakeEmbedder())
    assert len(again) == 5
    assert {one.id: one.metadata for one in again.documents()} == {
        f"d{n}": {"n": n} for n in range(5)
    }
    assert again.search("text d3", limit=1) == index.search("text d3", limit=1)


@pytest.mark.parametrize("name", ["a b%20c#d?é'", "x/y/z", "עברית"])
def test_folder_names(tmp_path: Path, name: str) -> None:
    index = Index.create(tmp_path / name, FakeEmbedder())
    index.add(numbered(2))
    assert len(Index.open(tmp_path / name, FakeEmbedder())) == 2
    assert (tmp_path / name).is_dir()


def test_create_where_there_is_one(index: Index) -> None:
    index.add(numbered(3))
    with pytest.raises(IndexExistsError, match="exist_ok=True"):
        Index.create(index.folder, FakeEmbedder())
    assert len(Index.create(index.folder, FakeEmbedder(), exist_ok=True)) == 3
    with pytest.raises(IndexFileError, match="other"):
        Index.create(index.folder, FakeEmbedder("other"), exist_ok=True)


def test_create_in_a_folder_of_other_things(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match="holds something else"):
        Index.create(tmp_path, FakeEmbedder(), exist_ok=True)
    with pytest.raises(InputError, match="is a file"):
        Index.create(tmp_path / "thesis.txt", FakeEmbedder())
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]


def test_create_after_a_create_that_died(tmp_path: Path) -> None:
    (tmp_path / "documents.lance" / "_versions").mkdir(parents=True)
    with pytest.raises(IndexFileError, match="there is no index"):
        Index.open(tmp_path, FakeEmbedder())
    assert Index.create(tmp_path, FakeEmbedder()).add(numbered(2)) == 2


def test_open_where_there_is_none(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    with pytest.raises(IndexFileError, match=f"{missing}.*Index.create"):
        Index.open(missing, FakeEmbedder())
    assert not missing.exists()


@pytest.mark.parametrize("other", [FakeEmbedder("other"), FakeEmbedder(dimension=8)])
def test_open_with_another_embedder(index: Index, other: FakeEmbedder) -> None:
    with pytest.raises(IndexFileError) as caught:
        Index.open(index.folder, other)
    for part in (str(index.folder), "'fake'", repr(other.name), other.digest[:12], "Index.create"):
        assert part in str(caught.value)


def test_an_embedder_under_another_name_is_the_same(index: Index) -> None:
    moved = FakeEmbedder()
    moved.name = "moved/folder"
    assert len(Index.open(index.folder, moved)) == 0


def test_the_embedder_is_remembered_through_every_kind_of_commit(index: Index) -> None:
    index.add(numbered(4))
    index.add(numbered(6), replace=True)
    index.delete(["d0"])
    index.optimize()
    with pytest.raises(IndexFileError, match="'fake'"):
        Index.open(index.folder, FakeEmbedder("other"))
    assert len(Index.open(index.folder, FakeEmbedder())) == 5


def test_a_table_that_is_not_ours(tmp_path: Path) -> None:
    import lancedb

    lancedb.connect(tmp_path).create_table("documents", data=[{"id": "a", "vector": [1.0]}])
    with pytest.raises(IndexFileError, match=f"{tmp_path} has format None"):
        Index.open(tmp_path, FakeEmbedder())


def test_damaged_files_are_an_error_that_names_the_folder(index: Index) -> None:
    index.add(numbered(100))
    table = index.folder / "documents.lance"
    for file in (table / "data").iterdir():
        file.write_bytes(file.read_bytes()[:100])
    broken = Index.open(index.folder, FakeEmbedder())
    for use in (lambda: broken.search("x"), broken.ids, lambda: broken.add(numbered(1))):
        with pytest.raises(IndexFileError, match=rf"{index.folder} (is dam|cannot be wri)"):
            use()
    with pytest.raises(IndexFileError, match=r"is cut or changed: make it again.*Index\.create"):
        broken.search("x")
    for file in (table / "data").iterdir():
        file.unlink()
    with pytest.raises(
        IndexFileError, match=r"its file documents\.lance/data/\w+\.lance is missing"
    ):
        Index.open(index.folder, FakeEmbedder()).search("x")
    for file in (table / "_versions").glob("*.manifest"):
        file.write_bytes(b"garbage" * 20)
    with pytest.raises(IndexFileError, match=str(index.folder)):
        Index.open(index.folder, FakeEmbedder())


def test_without_the_extra_the_error_holds_the_pip_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("lancedb", "pyarrow"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, module, None)
            with pytest.raises(MissingExtraError, match=r"pip install .*\[search\]"):
                Index.create(tmp_path / module, FakeEmbedder())


def test_importing_the_index_imports_no_extra() -> None:
    code = (
        "import sys, secondpass.retrieval.index, secondpass.ingest.updating\n"
        "print(*{'lancedb', 'pyarrow', 'semantic_text_splitter'} & set(sys.modules))"
    )
    source = str(Path(secondpass.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": source}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "\n", "")


def test_an_embedder_that_breaks_its_word(index: Index) -> None:
    class Broken(FakeEmbedder):
        factor: object = 1

        def embed(self, texts, *, progress=None):  # type: ignore[no-untyped-def]
            return super().embed(texts) * self.factor

    broken = Index.open(index.folder, Broken())
    for factor, message in [
        (np.float32(2), "length 2"),
        (np.float32("nan"), "length nan"),
        (np.ones(1), "float64"),
        (np.ones((2, 1, 1), np.float32), r"\[2, 1, 16\]"),
    ]:
        Broken.factor = factor
        with pytest.raises(ModelError, match=message):
            broken.add([Document("a", "b")])
    assert len(index) == 0


# --- several at once, and sudden death


def test_eight_threads_read_while_one_writes(index: Index) -> None:
    index.add(numbered(200))
    done = False

    def read() -> int:
        rounds = 0
        while not done or rounds == 0:
            found = index.search("text d7", limit=3)
            assert found[0].id == "d7"
            assert found[0].similarity > 0.999
            assert len(index.ids()) % 200 == 0  # no half of a commit is ever seen
            rounds += 1
        return rounds

    with ThreadPoolExecutor(8) as pool:
        readers = [pool.submit(read) for _ in range(8)]
        try:
            for n in range(5):
                index.add(numbered(200, f"w{n}-"), batch_size=50)
            index.optimize()
        finally:
            done = True
        assert all(reader.result() >= 1 for reader in readers)
    assert len(index) == 1200


def test_threads_that_write_through_one_index_lose_nothing(index: Index) -> None:
    with ThreadPoolExecutor(4) as pool:
        counts = pool.map(lambda n: index.add(numbered(30, f"t{n}-")), range(8))
        assert sum(counts) == 240
    assert len(index) == len(index.ids()) == 240


def test_a_search_sees_the_latest_commit_of_another_writer(index: Index) -> None:
    reader = Index.open(index.folder, FakeEmbedder())
    for n in range(3):
        index.add([Document(f"{n}", f"text {n}")])
        assert reader.search(f"text {n}", limit=1)[0].id == f"{n}"
        assert len(reader) == n + 1
    index.delete(["1"])
    assert reader.ids() == {"0", "2"}


WRITER = """
import os, pathlib, signal, sys, threading, time
from fake_embedder import FakeEmbedder
from secondpass.retrieval.index import Index
from secondpass.retrieval.stores import lance, spool
from secondpass.types import Document

folder, death, mode = sys.argv[1:]
data = pathlib.Path(folder, "documents.lance", "data")
before = set(data.iterdir())

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def die_at_the_first_new_file():
    while set(data.iterdir()) == before:
        time.sleep(0.0001)
    die()

def documents():
    for n in range(3000):
        if death == "reading documents" and n == 2500:
            die()
        yield Document(f"d{n}", f"text {n} " * 50)

class DyingSpool(spool.Spool):
    def reader(self):
        import pyarrow as pa
        whole = super().reader()
        def batches():
            for at, batch in enumerate(whole):
                if at == 20:
                    die()
                yield batch
        return pa.RecordBatchReader.from_batches(whole.schema, batches())

if death == "half given to LanceDB":
    lance.Spool = DyingSpool
if death == "LanceDB writes":
    threading.Thread(target=die_at_the_first_new_file, daemon=True).start()
Index.open(folder, FakeEmbedder()).add(
    documents(), batch_size=100, replace=mode == "replace"
)
time.sleep(10)  # the thread that kills may come a moment after the commit
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("death", ["reading documents", "half given to LanceDB", "LanceDB writes"])
@pytest.mark.parametrize("mode", ["add", "replace"])
def test_a_writer_that_is_killed_leaves_the_index_whole(
    index: Index, death: str, mode: str
) -> None:
    old = "d" if mode == "replace" else "old"
    index.add(numbered(10, old))
    held = contents(index)
    path = [str(Path(__file__).parent), str(Path(secondpass.__file__).parents[1])]
    writer = subprocess.run(
        [sys.executable, "-c", WRITER, str(index.folder), death, mode],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert writer.returncode == -signal.SIGKILL, writer.stderr
    complete = 3000 if mode == "replace" else 3010
    if death == "LanceDB writes" and len(index) == complete:
        held = contents(index)  # the commit was faster than the signal
    assert contents(index) == held
    again = Index.open(index.folder, FakeEmbedder())
    assert again.search("x", limit=3000)
    assert again.add(numbered(3000), replace=True) == 3000
    assert len(again) == complete
    assert again.search("text d3", limit=1)[0].id == "d3"
