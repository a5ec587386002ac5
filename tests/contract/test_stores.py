"""What every store keeps to. A new store is a line in STORES."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("lancedb")

import secondpass
from secondpass.errors import InputError
from secondpass.progress import silent
from secondpass.retrieval.stores import lance_approximate, lance_search
from secondpass.retrieval.stores.contract import (
    EmbedderIdentity,
    FeatureIdentity,
    FeatureRows,
    Rows,
    StoreIdentity,
)
from secondpass.retrieval.stores.lance import LanceStore
from secondpass.retrieval.stores.memory import MemoryStore

IDENTITY = StoreIdentity(
    EmbedderIdentity("fake", "d" * 64, 4), {"token_ids": FeatureIdentity("t" * 64, 1000)}
)


class SearchedAgain:
    """A LanceStore each of whose searches is repeated: the second may be answered from memory."""

    def __init__(self, store):
        self._store = store

    def __getattr__(self, name):
        return getattr(self._store, name)

    def nearest(self, *given, **options):
        first = self._store.nearest(*given, **options)
        for _ in range(2):
            again = self._store.nearest(*given, **options)
            assert plain(again) == plain(first)
        return again


def plain(found):
    """Rows that `==` can compare."""
    kept = lambda value: None if value is None else (value.dtype, value.tolist())  # noqa: E731
    return [
        (*row, {name: kept(value) for name, value in features.items()}, dict(identities))
        for *row, features, identities in (
            (row.id, row.text, row.metadata, row.similarity, row.features, row.identities)
            for row in found
        )
    ]


STORES = {
    "memory": lambda folder: MemoryStore(IDENTITY),
    "lance": lambda folder: LanceStore.create(folder, IDENTITY),
    "lance, held": lambda folder: SearchedAgain(LanceStore.create(folder, IDENTITY)),
    "lance, vectors held": lambda folder: SearchedAgain(LanceStore.create(folder, IDENTITY)),
    "lance, not held": lambda folder: SearchedAgain(LanceStore.create(folder, IDENTITY)),
}
# Which limit is set to nothing.
LIMITED = {"lance, vectors held": "MOST_ROW_BYTES", "lance, not held": "MOST_VECTOR_BYTES"}
COLUMNS = ["id", "text", "metadata", "digest", "source"]
NASTY_IDS = ["it's", "' OR 1=1 --", "back\\", 'double"quote', "nul\0byte", "%_", "é😀", " "]


@pytest.fixture(params=STORES)
def store(request, tmp_path, monkeypatch):
    if request.param in LIMITED:
        monkeypatch.setattr(lance_search, LIMITED[request.param], 0)
    return STORES[request.param](tmp_path / "store")


def unit(*numbers):
    vector = np.array(numbers, np.float32)
    return vector / np.linalg.norm(vector)


def rows(ids, *, vectors=None, version="", token_ids=True):
    ids = list(ids)
    if vectors is None:
        vectors = [unit(1, at + 1, 0, 0) for at in range(len(ids))]
    kept = [np.arange(at, dtype=np.int32) for at in range(len(ids))]
    return Rows(
        id=ids,
        text=[f"text {id_}{version}" for id_ in ids],
        metadata=["{}"] * len(ids),
        digest=[f"digest {id_}{version}" for id_ in ids],
        source=[None if at % 2 else f"/file/{id_}" for at, id_ in enumerate(ids)],
        vectors=np.array(vectors, np.float32),
        features={"token_ids": kept} if token_ids else {},
    )


def ids_in(store):
    return sorted(id_ for (id_,) in store.scan(["id"]))


def test_it_says_what_it_was_made_for(store):
    assert store.identity() == IDENTITY
    assert store.location
    assert store.count() == 0
    assert list(store.scan(["id"])) == []
    assert store.nearest(unit(1, 0, 0, 0), 5) == []


def test_a_scan_gives_the_columns_that_were_written(store):
    batch = rows("abc")
    assert store.write([batch], replace=False) == 3
    expected = [batch.id, batch.text, batch.metadata, batch.digest, batch.source]
    assert sorted(store.scan(COLUMNS)) == sorted(zip(*expected, strict=True))
    assert sorted(store.scan(["digest", "id"])) == [(f"digest {id_}", id_) for id_ in "abc"]
    assert store.count() == 3


def test_the_nearest_come_with_their_similarity_and_features(store):
    store.write([rows("abcd")], replace=False)
    vectors = rows("abcd").vectors
    found = store.nearest(vectors[1], 3)
    assert found[0].id == "b"
    expected = sorted(vectors @ vectors[1], reverse=True)[:3]
    np.testing.assert_allclose([row.similarity for row in found], expected, atol=1e-6)
    assert (found[0].text, found[0].metadata) == ("text b", "{}")
    assert found[0].features["token_ids"].tolist() == [0]
    assert found[0].features["token_ids"].dtype == np.int32
    assert len(store.nearest(vectors[1], 99)) == 4


def test_equal_similarities_are_in_the_order_of_ids_also_at_the_limit(store):
    same = unit(1, 2, 3, 4)
    store.write([rows(["far"], vectors=[unit(-1, 0, 0, 0)])], replace=False)
    # Three commits, so that equals may lie in several files.
    for third in range(3):
        ids = [f"{at:02}" for at in reversed(range(third, 40, 3))]
        store.write([rows(ids, vectors=[same] * len(ids))], replace=False)
    for limit in (1, 7, 39, 40):
        found = [row.id for row in store.nearest(same, limit)]
        assert found == [f"{at:02}" for at in range(limit)]
    assert store.nearest(same, 41)[-1].id == "far"


def test_a_search_among_some_ids_finds_no_other(store):
    store.write([rows("abcd")], replace=False)
    vector = rows("abcd").vectors[1]
    assert [row.id for row in store.nearest(vector, 2, among=["d", "a", "gone"])] == ["d", "a"]
    assert [row.id for row in store.nearest(vector, 1, among={"c", "d"})] == ["c"]
    assert store.nearest(vector, 3, among=[]) == []


def test_rows_without_a_feature_have_none_of_it(store):
    store.write([rows("a"), rows("b", token_ids=False)], replace=False)
    found = {row.id: row.features["token_ids"] for row in store.nearest(unit(1, 1, 0, 0), 2)}
    assert found["a"].tolist() == []
    assert found["b"] is None


def test_replacing_changes_what_is_there_and_adds_the_rest(store):
    store.write([rows("abc")], replace=False)
    assert store.write([rows("bcd", version=" new")], replace=True) == 3
    assert store.count() == 4
    assert dict(store.scan(["id", "text"])) == {
        "a": "text a",
        "b": "text b new",
        "c": "text c new",
        "d": "text d new",
    }


@pytest.mark.parametrize("there_before", [False, True])
def test_of_two_rows_with_one_id_the_later_is_kept(store, there_before):
    if there_before:
        store.write([rows("a")], replace=False)
    batches = [rows("ab", version="1"), rows("a", version="2")]
    assert store.write(batches, replace=True) == 2
    assert dict(store.scan(["id", "text"])) == {"a": "text a2", "b": "text b1"}


def test_an_id_that_is_there_is_refused_and_nothing_is_written(store):
    store.write([rows("abc")], replace=False)
    with pytest.raises(InputError, match=r"id 'b' is in the index .* already"):
        store.write([rows("xyz"), rows("b")], replace=False)
    assert ids_in(store) == list("abc")


@pytest.mark.parametrize("replace", [False, True])
def test_an_error_between_batches_leaves_the_store_as_it_was(store, replace):
    store.write([rows("abc")], replace=False)

    def batches():
        yield rows("xyz")
        raise KeyError("the caller's own")

    with pytest.raises(KeyError, match="the caller's own"):
        store.write(batches(), replace=replace)
    assert ids_in(store) == list("abc")


def test_batches_may_read_the_store_and_write_to_it(store):
    def batches():
        for id_ in "abc":
            store.write([rows([f"side {id_}"])], replace=False)
            assert id_ not in ids_in(store)
            yield rows(id_)

    assert store.write(batches(), replace=False) == 3
    assert store.count() == 6


def test_an_empty_write_and_an_empty_delete_change_nothing(store):
    store.write([rows("a")], replace=False)
    assert store.write([], replace=True) == 0
    assert store.delete([]) == 0
    assert ids_in(store) == ["a"]


def test_deleting_counts_what_was_there(store):
    store.write([rows("abcde")], replace=False)
    assert store.delete(["b", "b", "unknown"]) == 1
    assert store.delete(["b"]) == 0
    assert store.delete(iter("cd")) == 2
    assert ids_in(store) == ["a", "e"]
    assert [row.id for row in store.nearest(unit(1, 1, 0, 0), 9)] == ["a", "e"]
    assert store.write([rows("b")], replace=False) == 1


def test_any_text_can_be_an_id(store):
    store.write([rows(NASTY_IDS)], replace=False)
    assert ids_in(store) == sorted(NASTY_IDS)
    for at, id_ in enumerate(NASTY_IDS):
        assert store.delete([id_]) == 1
        assert ids_in(store) == sorted(NASTY_IDS[at + 1 :])


def test_a_scan_that_began_before_a_write_sees_one_commit(store):
    store.write([rows("abc")], replace=False)
    scan = store.scan(["id"])
    first = next(scan)
    store.write([rows("xyz")], replace=False)
    assert sorted([first, *scan]) == [("a",), ("b",), ("c",)]


def test_optimizing_keeps_every_row(store):
    for id_ in "abc":
        store.write([rows(id_)], replace=False)
    store.write([rows("b", version=" new")], replace=True)
    store.optimize(timedelta(microseconds=1))
    assert dict(store.scan(["id", "text"])) == {"a": "text a", "b": "text b new", "c": "text c"}


STATES = {
    "states_int8": FeatureIdentity("m" * 64, 2),
    "state_scales": FeatureIdentity("m" * 64, 2),
    "state_lengths": FeatureIdentity("m" * 64, 2),
    "states_digest": FeatureIdentity("m" * 64, 2),
}


def states(ids, *, version="", one=1):
    ids = list(ids)
    return FeatureRows(
        ids,
        [f"digest {id_}{version}" for id_ in ids],
        {
            "states_int8": [
                np.array([one, -128, 127], np.int8)[: at % 4] for at, _ in enumerate(ids)
            ],
            "state_scales": [np.array([0.5, 65504, 2**-24], np.float16)] * len(ids),
            "state_lengths": [np.array([1.5, np.inf], np.float32)] * len(ids),
            "states_digest": [np.array([-(2**63)], np.int64)] * len(ids),
        },
    )


def kept(store, name):
    """Return a feature of each row by id."""
    found = store.nearest(unit(1, 1, 0, 0), store.count())
    return {
        row.id: None if row.features[name] is None else row.features[name].tolist() for row in found
    }


def test_a_feature_that_is_added_is_lacking_until_it_is_filled(store):
    store.write([rows("abc")], replace=False)
    ids = kept(store, "token_ids")
    store.change_features({**IDENTITY.features, **STATES})
    assert store.identity() == StoreIdentity(IDENTITY.embedder, {**IDENTITY.features, **STATES})
    assert kept(store, "states_int8") == dict.fromkeys("abc")
    assert sorted(store.scan(["id"], lacking="states_digest")) == [("a",), ("b",), ("c",)]
    store.fill(states("ab"))
    assert kept(store, "states_int8") == {"a": [], "b": [1], "c": None}
    assert kept(store, "state_scales")["a"] == [0.5, 65504, 2**-24]
    assert kept(store, "state_lengths")["b"] == [1.5, np.inf]
    assert kept(store, "states_digest") == {"a": [-(2**63)], "b": [-(2**63)], "c": None}
    assert list(store.scan(["id", "text"], lacking="states_digest")) == [("c", "text c")]
    assert kept(store, "token_ids") == ids
    row = store.nearest(unit(1, 1, 0, 0), 1)[0]
    assert row.identities == {**IDENTITY.features, **STATES}
    assert row.features["states_int8"].dtype == np.int8
    assert row.features["state_scales"].dtype == np.float16
    assert row.features["state_lengths"].dtype == np.float32


def test_filling_leaves_vectors_and_all_else_as_they_are(store):
    store.write([rows("abcd")], replace=False)
    store.change_features({**IDENTITY.features, **STATES})
    before = [(row.id, row.similarity) for row in store.nearest(unit(1, 3, 0, 0), 4)]
    store.fill(states("bd"))
    assert [(row.id, row.similarity) for row in store.nearest(unit(1, 3, 0, 0), 4)] == before
    assert sorted(store.scan(COLUMNS)) == sorted(
        zip(*(getattr(rows("abcd"), name) for name in COLUMNS), strict=True)
    )
    assert store.count() == 4


def test_features_of_a_row_that_is_another_now_are_not_kept(store):
    store.write([rows("abc")], replace=False)
    store.change_features({**IDENTITY.features, **STATES})
    store.write([rows("b", version=" new")], replace=True)
    store.delete(["c"])
    store.fill(states("abc"))
    assert kept(store, "states_int8") == {"a": [], "b": None}
    store.fill(states("b", version=" new"))
    assert kept(store, "states_int8") == {"a": [], "b": []}


def test_a_row_that_is_replaced_loses_what_was_filled(store):
    store.write([rows("ab")], replace=False)
    store.change_features({**IDENTITY.features, **STATES})
    store.fill(states("ab"))
    store.write([rows("b", version=" new")], replace=True)
    assert kept(store, "states_digest") == {"a": [-(2**63)], "b": None}


def test_features_of_another_identity_are_emptied_and_the_others_stay(store):
    store.write([rows("ab")], replace=False)
    store.change_features({**IDENTITY.features, **STATES})
    store.fill(states("ab"))
    other = {**STATES, "states_int8": FeatureIdentity("o" * 64, 2)}
    store.change_features({**IDENTITY.features, **other})
    assert store.identity().features["states_int8"].digest == "o" * 64
    assert kept(store, "states_int8") == {"a": None, "b": None}
    assert kept(store, "state_scales")["a"] == [0.5, 65504, 2**-24]
    store.fill(states("ab", one=7))
    assert kept(store, "states_int8") == {"a": [], "b": [7]}
    store.change_features(IDENTITY.features)
    assert store.identity() == IDENTITY
    assert set(store.nearest(unit(1, 1, 0, 0), 1)[0].features) == {"token_ids"}
    assert kept(store, "token_ids") == {"a": [], "b": [0]}


def test_rows_written_after_a_change_may_have_the_new_features(store):
    store.change_features({**IDENTITY.features, **STATES})
    batch = rows("ab")
    features = {**batch.features, **states("ab").features}
    store.write([replace(batch, features=features), rows("c")], replace=False)
    assert kept(store, "states_int8") == {"a": [], "b": [1], "c": None}
    store.optimize(timedelta(microseconds=1))
    assert kept(store, "states_int8") == {"a": [], "b": [1], "c": None}


@pytest.fixture
def many(store):
    """A store of enough rows for an approximate search, among them some that are equal."""
    drawn = np.random.default_rng(4).standard_normal((1200, 4)).astype(np.float32)
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    drawn[50:60] = drawn[0]
    store.write([rows((f"{at:04}" for at in range(1200)), vectors=drawn)], replace=False)
    return store, drawn


def test_an_approximate_search_finds_what_was_measured(many, monkeypatch):
    store, drawn = many
    exact = [{row.id for row in store.nearest(vector, 100)} for vector in drawn[:20]]
    chosen = store.approximate(silent)
    if chosen is not None:
        assert 0 < chosen.probes <= chosen.partitions
        assert chosen.recall >= lance_approximate.LEAST_RECALL
    # As it is of a store that memory does not hold.
    monkeypatch.setattr(lance_search, "MOST_VECTOR_BYTES", 0)
    found = [{row.id for row in store.nearest(vector, 100)} for vector in drawn[:20]]
    shares = [len(one & other) / 100 for one, other in zip(exact, found, strict=True)]
    assert np.mean(shares) >= 0.9
    row = store.nearest(drawn[7], 1)[0]
    assert (row.id, row.text) == ("0007", "text 0007")
    assert row.similarity == pytest.approx(1, abs=1e-6)
    assert [row.id for row in store.nearest(drawn[0], 11)][:2] == ["0000", "0050"]


def test_what_is_written_and_deleted_after_approximate_is_seen(many, monkeypatch):
    store, drawn = many
    store.approximate(silent)
    monkeypatch.setattr(lance_search, "MOST_VECTOR_BYTES", 0)
    store.delete(["0007"])
    store.write([rows(["new"], vectors=[drawn[7]])], replace=False)
    for _ in range(2):
        assert store.nearest(drawn[7], 1)[0].id == "new"
        assert "0007" not in {row.id for row in store.nearest(drawn[7], 50)}
        store.optimize(timedelta(microseconds=1))
    assert store.nearest(drawn[7], 1, among=["0001", "0002", "0007"])[0].id in (
        "0001",
        "0002",
    )
    assert store.count() == 1200


def test_a_small_store_stays_exact(store):
    store.write([rows("abc")], replace=False)
    assert store.approximate(silent) is None
    assert [row.id for row in store.nearest(unit(1, 2, 0, 0), 3)] == ["b", "c", "a"]


KILLED_LOAD = """
import os, signal, sys
from pathlib import Path
from test_stores import LanceStore, rows

def batches():
    yield rows(f"n{at}" for at in range(500))
    os.kill(os.getpid(), signal.SIGKILL)

LanceStore.open(Path(sys.argv[1])).write(batches(), replace=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_load_leaves_nothing(tmp_path):
    """Of the stores on disk; each step of a commit is killed in retrieval/test_index.py."""
    folder = tmp_path / "store"
    store = LanceStore.create(folder, IDENTITY)
    store.write([rows("abc")], replace=False)
    path = [str(Path(__file__).parent), str(Path(secondpass.__file__).parents[1])]
    done = subprocess.run(
        [sys.executable, "-c", KILLED_LOAD, str(folder)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert [entry.name for entry in folder.iterdir()] == ["documents.lance"]
    again = LanceStore.open(folder)
    assert ids_in(again) == list("abc")
    assert again.write([rows("xyz")], replace=False) == 3
