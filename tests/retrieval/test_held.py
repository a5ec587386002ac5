"""What a search holds in memory is the latest commit, whoever made it, and no more than fits."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from datetime import timedelta

import numpy as np
import pytest

pytest.importorskip("lancedb")

from secondpass.retrieval.stores import lance_search
from secondpass.retrieval.stores.contract import EmbedderIdentity, Rows, StoreIdentity
from secondpass.retrieval.stores.exact import ExactSearch, cosines
from secondpass.retrieval.stores.held import Holder, read_held
from secondpass.retrieval.stores.lance import LanceStore
from secondpass.retrieval.stores.lance_commit import latest_commit

DIMENSION = 8
IDENTITY = StoreIdentity(EmbedderIdentity("fake", "d" * 64, DIMENSION))


def vectors_of(count, seed=0):
    made = np.random.default_rng(seed).standard_normal((count, DIMENSION)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def rows(ids, *, text="text", seed=0):
    ids = list(ids)
    nothing = [""] * len(ids)
    return Rows(
        ids, [text] * len(ids), ["{}"] * len(ids), nothing, nothing, vectors_of(len(ids), seed)
    )


@pytest.fixture
def store(tmp_path):
    made = LanceStore.create(tmp_path / "store", IDENTITY)
    made.write([rows(f"{at:03}" for at in range(200))], replace=False)
    return made


def found(store, vector=None, limit=5):
    wanted = vectors_of(1)[0] if vector is None else vector
    return [(row.id, row.text) for row in store.nearest(wanted, limit)]


def hold(store):
    """Search as often as it takes for the commit to be held."""
    found(store)
    return found(store)


def reads_of(store, monkeypatch):
    """Count the commits that are read into memory."""
    counted = []
    load = store._search._holder._load

    def counting():
        counted.append(load())
        return counted[-1]

    monkeypatch.setattr(store._search._holder, "_load", counting)
    return counted


def test_a_commit_is_held_when_it_is_searched_again_and_read_once(store, monkeypatch):
    reads = reads_of(store, monkeypatch)
    first = found(store)
    assert not reads
    assert [found(store) for _ in range(3)] == [first] * 3
    assert len(reads) == 1


def test_what_is_written_elsewhere_is_found_by_the_next_search(store):
    hold(store)
    other = LanceStore.open(store.folder)
    query = -vectors_of(1)[0]
    before = found(store, query, 1)
    other.write([Rows(["new"], ["x"], ["{}"], [""], [None], query[None])], replace=False)
    assert found(store, query, 1) == [("new", "x")] != before
    hold(store)
    other.delete(["new"])
    assert found(store, query, 1) == before
    hold(store)
    other.write([rows(["000"], text="other")], replace=True)
    assert ("000", "other") in found(store)


def test_what_another_process_deletes_is_not_found(store):
    hold(store)
    nearest = found(store, limit=1)[0][0]
    code = (
        "import sys; from pathlib import Path\n"
        "from secondpass.retrieval.stores.lance import LanceStore\n"
        "LanceStore.open(Path(sys.argv[1])).delete([sys.argv[2]])"
    )
    subprocess.run([sys.executable, "-c", code, str(store.folder), nearest], check=True)
    assert nearest not in dict(found(store))


def test_a_table_that_is_made_anew_with_as_many_commits_is_another(store):
    before = latest_commit(store.folder)
    hold(store)
    shutil.rmtree(store.folder)
    anew = LanceStore.create(store.folder, IDENTITY)
    anew.write([rows(["a", "b"], text="anew")], replace=False)
    assert latest_commit(store.folder).version == before.version
    assert latest_commit(store.folder) != before


@pytest.mark.parametrize("digits", ["7", "18446744073709551608"])
def test_the_latest_commit_is_known_under_both_names_of_a_manifest(tmp_path, digits):
    versions = tmp_path / "documents.lance" / "_versions"
    versions.mkdir(parents=True)
    older = "6" if len(digits) == 1 else "18446744073709551609"
    for name in (digits, older, f".tmp_{digits}"):
        (versions / f"{name}.manifest").touch()
    assert latest_commit(tmp_path).version == 7


@pytest.mark.parametrize("change", ["delete", "optimize"])
def test_rows_that_move_between_the_comparison_and_their_reading_are_found(
    store, monkeypatch, change
):
    monkeypatch.setattr(lance_search, "MOST_ROW_BYTES", 0)
    before = hold(store)
    old = latest_commit(store.folder)
    monkeypatch.setattr(lance_search, "latest_commit", lambda folder: old)
    if change == "delete":
        store.delete([before[0][0]])
        assert found(store, limit=4) == before[1:]
    else:
        store.delete(["199"])
        store.optimize(timedelta(microseconds=1))
        assert [row for row in before if row[0] != "199"] == found(store)[: len(before)]


def test_no_more_is_held_than_fits(store, monkeypatch):
    hold(store)
    assert store._search._holder._held[1].rows is not None
    monkeypatch.setattr(lance_search, "MOST_ROW_BYTES", 1000)
    store.delete(["000"])
    hold(store)
    held = store._search._holder._held[1]
    assert held.rows is None
    assert len(held.search.vectors) == len(held.row_ids) == 199
    monkeypatch.setattr(lance_search, "MOST_VECTOR_BYTES", 199 * DIMENSION * 4 - 1)
    store.delete(["unknown", "001"])
    monkeypatch.setattr(lance_search, "MOST_VECTOR_BYTES", 198 * DIMENSION * 4 - 1)
    hold(store)
    assert store._search._holder._held[1] is None


def test_only_one_thread_reads_and_the_others_do_not_wait():
    reading, go_on = threading.Event(), threading.Event()

    def load():
        reading.set()
        assert go_on.wait(30)
        return read_held(iter([]), 0, DIMENSION)

    holder = Holder(load)
    assert holder.at(1) is None
    thread = threading.Thread(target=holder.at, args=(1,))
    thread.start()
    assert reading.wait(30)
    assert holder.at(1) is None
    go_on.set()
    thread.join()
    assert holder.at(1) is not None
    assert holder.at(2) is None


def test_a_read_that_fails_is_tried_again():
    fails = [True, False]

    def load():
        if fails.pop(0):
            raise OSError("gone")
        return read_held(iter([]), 0, DIMENSION)

    holder = Holder(load)
    holder.at(1)
    with pytest.raises(OSError, match="gone"):
        holder.at(1)
    assert holder.at(1) is not None


def test_searches_beside_a_writer_see_whole_commits(store):
    """Each commit replaces the text of all rows: two texts in one result are of two commits."""
    errors = []
    done = threading.Event()

    def search():
        try:
            while not done.is_set():
                texts = {row.text for row in store.nearest(vectors_of(1)[0], 200)}
                assert len(texts) == 1, texts
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for at in range(6):
        store.write([rows((f"{row:03}" for row in range(200)), text=str(at))], replace=True)
    done.set()
    for thread in threads:
        thread.join()
    assert not errors


def test_equal_rows_have_equal_cosines_wherever_they_lie():
    for count in (1, 2, 7, 33, 1000):
        vectors = vectors_of(count, seed=count)
        query = vectors_of(1, seed=99)[0]
        doubled = np.concatenate([vectors, vectors[::-1], vectors])
        whole = cosines(doubled, query)
        assert whole[:count] == whole[2 * count :] == whole[count : 2 * count][::-1]
        assert whole[count - 1] == cosines(vectors[count - 1 :], query)[0]


def test_the_nearest_include_all_that_equal_the_last():
    query = vectors_of(1)[0]
    vectors = np.concatenate([vectors_of(50, seed=3), np.repeat(query[None], 30, axis=0)])
    places, similarities = ExactSearch(vectors * np.float32(1.0005)).nearest(query, 10)
    assert set(range(50, 80)) <= set(places.tolist())
    assert max(similarities) == pytest.approx(1, abs=1e-6)


def test_the_length_of_a_vector_does_not_count():
    """A unit vector may be off by a thousandth; the order is that of the cosines."""
    query = vectors_of(1)[0]
    vectors = vectors_of(300, seed=5)
    lengths = np.random.default_rng(1).uniform(0.9, 1.1, (300, 1)).astype(np.float32)
    longer = ExactSearch(vectors * lengths).nearest(query, 20)[0]
    assert set(np.argsort(-(vectors @ query))[:20]) <= set(longer.tolist())
