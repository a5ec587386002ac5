"""What every store keeps to. A new store is a line in STORES."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from functools import reduce
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("lancedb")

import secondpass
from secondpass.errors import IndexFileError, InputError
from secondpass.progress import silent
from secondpass.retrieval.stores import lance_approximate, lance_search
from secondpass.retrieval.stores.contract import (
    Approximation,
    EmbedderIdentity,
    FeatureIdentity,
    FeatureRows,
    Rows,
    StoreIdentity,
)
from secondpass.retrieval.stores.filters import And, Compare, In, IsNull, Not, Or, holds
from secondpass.retrieval.stores.lance import LanceStore
from secondpass.retrieval.stores.memory import MemoryStore
from secondpass.retrieval.stores.postgres import PgVectorStore
from secondpass.retrieval.stores.postgres_address import Address
from secondpass.retrieval.terms import TERMS_IDENTITY, document_terms, query_terms
from secondpass.retrieval.where import MOST_DEPTH

IDENTITY = StoreIdentity(
    EmbedderIdentity("fake", "d" * 64, 4), {"token_ids": FeatureIdentity("t" * 64, 1000)}
)
WITH_TERMS = StoreIdentity(
    IDENTITY.embedder,
    {**IDENTITY.features, **TERMS_IDENTITY},
    {"year": "int", "lang": "str", "price": "float", 'it\'s "new"': "bool"},
)


class SearchedAgain:
    """A LanceStore each of whose searches is repeated: the second may be answered from memory."""

    def __init__(self, store):
        self._store = store

    def __getattr__(self, name):
        return getattr(self._store, name)

    def nearest(self, *given, **options):
        return self._again(self._store.nearest, *given, **options)

    def matching(self, *given, **options):
        return self._again(self._store.matching, *given, **options)

    def _again(self, search, *given, **options):
        first = search(*given, **options)
        for _ in range(2):
            again = search(*given, **options)
            assert plain(again) == plain(first)
        return again


def plain(found):
    """Rows that `==` can compare."""
    kept = lambda value: None if value is None else (value.dtype, value.tolist())  # noqa: E731
    return [
        (*row, {name: kept(value) for name, value in features.items()}, dict(identities))
        for *row, features, identities in (
            (
                *(row.id, row.text, row.metadata, row.similarity, row.bm25),
                row.features,
                row.identities,
            )
            for row in found
        )
    ]


def searched_again(request, identity):
    return SearchedAgain(in_folder(request, identity))


def in_folder(request, identity):
    return LanceStore.create(request.getfixturevalue("tmp_path") / "store", identity)


def in_postgres(request, identity):
    address = request.getfixturevalue("postgres_address")
    return PgVectorStore.create(Address.parse(address), identity)


STORES = {
    "memory": lambda request, identity: MemoryStore(identity),
    "lance": in_folder,
    "postgres": in_postgres,
    "lance, held": searched_again,
    "lance, vectors held": searched_again,
    "lance, terms not held": searched_again,
    "lance, not held": searched_again,
}
# Which limit is set to nothing.
LIMITED = {
    "lance, vectors held": "MOST_ROW_BYTES",
    "lance, terms not held": "MOST_TERM_BYTES",
    "lance, not held": "MOST_VECTOR_BYTES",
}
COLUMNS = ["id", "text", "metadata", "digest", "source"]
NASTY_IDS = ["it's", "' OR 1=1 --", "back\\", 'double"quote', "nul\0byte", "%_", "é😀", " "]


@pytest.fixture(params=STORES)
def store(request, monkeypatch):
    if request.param in LIMITED:
        monkeypatch.setattr(lance_search, LIMITED[request.param], 0)
    return STORES[request.param](request, IDENTITY)


@pytest.fixture(params=STORES)
def worded(request, monkeypatch):
    """A store that keeps terms and declares columns."""
    if request.param in LIMITED:
        monkeypatch.setattr(lance_search, LIMITED[request.param], 0)
    return STORES[request.param](request, WITH_TERMS)


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


OTHER_MODEL = {name: FeatureIdentity("o" * 64, 2) for name in STATES}
HALVES = {
    name: FeatureIdentity("m" * 64, 2)
    for name in ("states_float16", "state_lengths", "states_digest")
}


def with_states(ids, identities=STATES):
    """Return rows that have states, which were made when the store kept `identities`."""
    return replace(
        rows(ids),
        features={**rows(ids).features, **states(ids).features},
        identities={**IDENTITY.features, **identities},
    )


def keep(store, features):
    store.change_features(IDENTITY.features)
    store.change_features({**IDENTITY.features, **features})


@pytest.mark.parametrize("there_before", [False, True])
@pytest.mark.parametrize("later", [OTHER_MODEL, HALVES, {}], ids=["model", "precision", "none"])
def test_rows_have_no_states_of_what_the_store_keeps_no_more(store, later, there_before):
    """Or those that make the new ones would take them for theirs."""
    keep(store, STATES)
    if there_before:
        store.write([rows("abcd")], replace=False)

    def batches():
        yield with_states("ab")
        keep(store, later)
        yield with_states("cd")

    assert store.write(batches(), replace=True) == 4
    assert kept(store, "token_ids") == {"a": [], "b": [0], "c": [], "d": [0]}
    if later:
        assert sorted(store.scan(["id"], lacking="states_digest")) == [(one,) for one in "abcd"]
        for name in later:
            assert kept(store, name) == dict.fromkeys("abcd")
    (row, *_) = store.nearest(unit(1, 1, 0, 0), 1)
    assert row.identities == {**IDENTITY.features, **later}


def test_rows_keep_states_of_what_the_store_keeps_again(store):
    keep(store, STATES)

    def batches():
        yield with_states("ab")
        keep(store, OTHER_MODEL)
        keep(store, STATES)

    store.write(batches(), replace=False)
    assert kept(store, "states_int8") == {"a": [], "b": [1]}


def test_rows_without_states_are_taken_by_a_store_that_began_to_keep_some(store):
    def batches():
        yield rows("ab")
        keep(store, STATES)
        yield replace(rows("c"), identities=IDENTITY.features)

    store.write(batches(), replace=False)
    assert sorted(store.scan(["id"], lacking="states_digest")) == [("a",), ("b",), ("c",)]
    store.fill(states("abc"))
    assert list(store.scan(["id"], lacking="states_digest")) == []


def test_rows_that_lack_a_column_declared_meanwhile_are_refused(store):
    """A filter would leave them out without a word."""

    def batches():
        yield rows("a")
        store.declare({"n": "int"}, lambda _: (7,))
        yield rows("b")

    with pytest.raises(IndexFileError, match="declared while"):
        store.write(batches(), replace=False)
    assert ids_in(store) == []
    store.write([rows("ab")], replace=False)


@pytest.mark.parametrize("later", [OTHER_MODEL, HALVES, {}], ids=["model", "precision", "none"])
def test_states_that_the_store_keeps_no_more_are_not_filled(store, later):
    store.write([rows("abc")], replace=False)
    keep(store, later)
    filled = replace(states("abc"), identities=STATES)
    with pytest.raises(IndexFileError, match="other states"):
        store.fill(filled)
    if later:
        assert len(list(store.scan(["id"], lacking="states_digest"))) == 3
    else:
        with pytest.raises(IndexFileError, match="other states"):
            list(store.scan(["id"], lacking="states_digest"))


def test_rows_written_after_a_change_may_have_the_new_features(store):
    store.change_features({**IDENTITY.features, **STATES})
    batch = rows("ab")
    features = {**batch.features, **states("ab").features}
    store.write([replace(batch, features=features), rows("c")], replace=False)
    assert kept(store, "states_int8") == {"a": [], "b": [1], "c": None}
    store.optimize(timedelta(microseconds=1))
    assert kept(store, "states_int8") == {"a": [], "b": [1], "c": None}


TEXTS = {
    "a": "The cat sat on the mat.",
    "b": "A cat and a cat and another cat",
    "c": "dogs bark",
    "d": "忘记了怎么办:您可以在设置里重置密码。",
    "e": "パスワードを忘れた場合は設定を開いてください。",
    "f": "",
    "g": "dogs and one cat",
}
VALUES = {
    "a": (2019, "en", 1.5, True),
    "b": (2020, "en", -2.0, False),
    "c": (2021, "de", 0.0, None),
    "d": (2022, "zh", None, True),
    "e": (None, "ja", 1e300, None),
    "f": (-5, None, 2.5, False),
    "g": (2021, "it's", 3.0, True),
}


def worded_rows(texts, *, terms=True):
    ids = sorted(texts)
    vectors = [unit(1, ord(id_[0]) - 96, len(id_), 0) for id_ in ids]
    batch = replace(rows(ids, vectors=vectors), text=[texts[id_] for id_ in ids])
    kept = {"terms": [document_terms(texts[id_]) for id_ in ids]} if terms else {}
    values = [VALUES.get(id_, (None,) * 4) for id_ in ids]
    columns = dict(zip(WITH_TERMS.columns, map(list, zip(*values, strict=True)), strict=True))
    return replace(batch, features={**batch.features, **kept}, columns=columns)


def matches(store, query, limit=10, **options):
    return [row.id for row in store.matching(query_terms(query), limit, **options)]


def test_bm25_finds_the_rows_with_the_terms_best_first(worded):
    worded.write([worded_rows(TEXTS)], replace=False)
    assert matches(worded, "cat") == ["b", "g", "a"]
    assert matches(worded, "cats") == []
    assert matches(worded, "DOGS bark") == ["c", "g"]
    assert matches(worded, "密码") == ["d"]
    assert matches(worded, "設定") == ["e"]
    assert matches(worded, "?!") == []
    assert matches(worded, "cat", limit=1) == ["b"]
    assert matches(worded, "cat", among=["a", "c", "gone"]) == ["a"]
    assert matches(worded, "cat", among=[]) == []


def test_bm25_worked_by_hand(worded):
    """Lucene's formula: idf * tf / (tf + k1 * (1 - b + b * length / mean length))."""
    worded.write([worded_rows({"a": "x y", "b": "x x z z", "c": "y"})], replace=False)
    found = {row.id: row.bm25 for row in worded.matching(query_terms("x"), 9)}
    idf = np.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    mean = 7 / 3
    assert found == {
        "a": pytest.approx(idf * 1 / (1 + 1.5 * (0.25 + 0.75 * 2 / mean)), rel=1e-9),
        "b": pytest.approx(idf * 2 / (2 + 1.5 * (0.25 + 0.75 * 4 / mean)), rel=1e-9),
    }
    row = worded.matching(query_terms("x"), 1)[0]
    assert (row.id, row.text, row.metadata, row.similarity) == ("b", "x x z z", "{}", None)
    assert set(row.features) == {"token_ids"}
    assert row.identities == IDENTITY.features


def test_a_term_that_a_query_has_twice_counts_twice(worded):
    worded.write([worded_rows(TEXTS)], replace=False)
    once = {row.id: row.bm25 for row in worded.matching(query_terms("cat"), 9)}
    twice = {row.id: row.bm25 for row in worded.matching(query_terms("cat cat"), 9)}
    assert twice == {id_: pytest.approx(2 * score) for id_, score in once.items()}


def test_terms_stay_in_step_with_what_is_replaced_and_deleted(worded):
    worded.write([worded_rows(TEXTS)], replace=False)
    worded.write([worded_rows({"b": "no such animal", "h": "cat"})], replace=True)
    assert matches(worded, "cat") == ["h", "g", "a"]
    assert matches(worded, "animal") == ["b"]
    worded.delete(["h", "a"])
    assert matches(worded, "cat") == ["g"]
    worded.optimize(timedelta(microseconds=1))
    assert matches(worded, "cat") == ["g"]
    fresh = MemoryStore(WITH_TERMS)
    fresh.write([worded_rows({**TEXTS, "b": "no such animal"})], replace=False)
    fresh.delete(["a"])
    score = {row.id: row.bm25 for row in fresh.matching(query_terms("cat dogs"), 9)}
    assert {row.id: row.bm25 for row in worded.matching(query_terms("cat dogs"), 9)} == score


def test_equal_bm25_is_in_the_order_of_ids_also_at_the_limit(worded):
    for third in range(3):
        texts = {f"{at:02}": "same words here" for at in range(third, 40, 3)}
        worded.write([worded_rows(texts)], replace=False)
    for limit in (1, 7, 39, 40):
        assert matches(worded, "words", limit) == [f"{at:02}" for at in range(limit)]


def test_rows_without_terms_are_no_silent_loss(worded):
    worded.write([worded_rows({"a": "cat"}), worded_rows({"b": "cat"}, terms=False)], replace=False)
    with pytest.raises(IndexFileError, match=r"1 documents .* have no terms.*add_terms"):
        worded.matching(query_terms("cat"), 5)


YEAR, LANG, PRICE, NEW = WITH_TERMS.columns


def nested(*around):
    """A filter within others, in turn."""
    return reduce(lambda tree, at: around[at % 2](tree), range(MOST_DEPTH), In(YEAR, (2021, 2022)))


def short(tree):
    return str(tree)[:60]


FILTERS = [
    Compare(YEAR, ">=", 2020),
    Compare(YEAR, "=", 2021),
    Compare(YEAR, "!=", 2021),
    Compare(YEAR, "<", 0),
    Compare(LANG, "=", "en"),
    Compare(LANG, "=", "it's"),
    Compare(LANG, "!=", "' OR 1=1 --"),
    Compare(LANG, ">", "en"),
    Compare(PRICE, "<=", 1.5),
    Compare(PRICE, ">", 1e299),
    Compare(NEW, "=", True),
    Compare(NEW, "!=", True),
    In(LANG, ("de", "zh", "\\", "%")),
    Not(In(YEAR, (2021, 2022))),
    IsNull(YEAR),
    Not(IsNull(PRICE)),
    And((Compare(YEAR, ">=", 2020), Compare(LANG, "=", "en"))),
    Or((Compare(YEAR, ">", 2021), IsNull(LANG), Compare(NEW, "=", False))),
    Not(Or((Compare(YEAR, ">=", 2020), Compare(PRICE, ">", 2.0)))),
    Not(And((Compare(YEAR, ">=", 2020), Compare(NEW, "=", True)))),
    Or((And((Compare(YEAR, "=", 2021), Not(Compare(LANG, "=", "de")))), Compare(YEAR, "=", -5))),
    # As deep as a condition may be.
    nested(Not, Not),
    nested(lambda part: And((part, Not(IsNull(LANG)))), lambda part: Or((part, IsNull(YEAR)))),
    nested(Not, lambda part: And((part, Compare(PRICE, "<", 9.0)))),
]


@pytest.mark.parametrize("tree", FILTERS, ids=short)
def test_a_filter_finds_just_the_rows_of_which_it_is_true(worded, tree):
    worded.write([worded_rows(TEXTS)], replace=False)
    wanted = {
        id_
        for id_, values in VALUES.items()
        if holds(tree, dict(zip(WITH_TERMS.columns, values, strict=True)))
    }
    vector = unit(1, 4, 1, 0)
    assert {row.id for row in worded.nearest(vector, 9, where=tree)} == wanted
    order = [row.id for row in worded.nearest(vector, 9)]
    found = [row.id for row in worded.nearest(vector, 2, where=tree)]
    assert found == [id_ for id_ in order if id_ in wanted][:2]
    among = ["a", "c", "g", "gone"]
    assert {row.id for row in worded.nearest(vector, 9, among=among, where=tree)} == wanted & {
        *among
    }
    every = matches(worded, "cat dogs 密码 設定")
    assert matches(worded, "cat dogs 密码 設定", where=tree) == [
        id_ for id_ in every if id_ in wanted
    ]


@pytest.mark.parametrize("more", [(), (7.0, 8.0, 9.0, 10.0)], ids=["alone", "with others"])
@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_both_zeros_are_one_of_some_values(worded, zero, more):
    prices = dict(zip("abcd", (0.0, -0.0, 1.0, None), strict=True))
    batch = worded_rows(dict.fromkeys(prices, "cat"))
    worded.write([replace(batch, columns={"price": list(prices.values())})], replace=False)
    for tree in (In("price", (zero, *more)), Not(In("price", (zero, *more)))):
        wanted = {id_ for id_, price in prices.items() if holds(tree, {"price": price})}
        assert {row.id for row in worded.nearest(unit(1, 0, 0, 0), 9, where=tree)} == wanted
        assert set(matches(worded, "cat", where=tree)) == wanted
        assert worded.delete_where(tree) == len(wanted)
    assert ids_in(worded) == ["d"]


def test_a_filter_finds_nothing_in_a_store_without_rows(worded):
    for _ in range(2):
        for tree in (Compare(YEAR, "=", 2021), IsNull(LANG)):
            assert worded.nearest(unit(1, 0, 0, 0), 9, where=tree) == []
            assert worded.nearest(unit(1, 0, 0, 0), 9, among=["a"], where=tree) == []
            assert worded.matching(query_terms("cat"), 9, where=tree) == []
        worded.write([worded_rows(TEXTS)], replace=False)
        worded.delete(TEXTS)


def test_the_statistics_of_bm25_are_of_all_rows_whatever_the_filter(worded):
    worded.write([worded_rows(TEXTS)], replace=False)
    every = {row.id: row.bm25 for row in worded.matching(query_terms("cat"), 9)}
    found = worded.matching(query_terms("cat"), 9, where=Compare(YEAR, "=", 2021))
    assert {row.id: row.bm25 for row in found} == {"g": every["g"]}


@pytest.mark.parametrize("tree", FILTERS[::4], ids=short)
def test_deleting_by_a_filter_counts_what_was_there(worded, tree):
    worded.write([worded_rows(TEXTS)], replace=False)
    gone = {row.id for row in worded.nearest(unit(1, 0, 0, 0), 9, where=tree)}
    assert worded.delete_where(tree) == len(gone)
    assert ids_in(worded) == sorted(TEXTS.keys() - gone)
    assert worded.delete_where(tree) == 0


def test_columns_are_declared_later_from_the_metadata(store):
    batch = replace(rows("abc"), metadata=['{"n": 1}', "{}", '{"n": 3}'])
    store.write([batch], replace=False)
    read = {'{"n": 1}': (1, "one"), "{}": (None, None), '{"n": 3}': (3, "three")}
    store.declare({"n": "int", "word": "str"}, lambda metadata: read[metadata])
    assert store.identity().columns == {"n": "int", "word": "str"}
    vector = unit(1, 0, 0, 0)
    assert [row.id for row in store.nearest(vector, 9, where=Compare("n", ">", 2))] == ["c"]
    assert [row.id for row in store.nearest(vector, 9, where=IsNull("word"))] == ["b"]
    new = replace(rows("d"), columns={"n": [4], "word": ["four"]})
    store.write([new, rows("e")], replace=False)
    assert {row.id for row in store.nearest(vector, 9, where=Compare("n", ">", 2))} == {"c", "d"}
    store.change_features({**IDENTITY.features, **STATES})
    store.write([replace(rows("f"), columns={"n": [5]})], replace=False)
    found = {row.id for row in store.nearest(vector, 9, where=Compare("n", ">", 2))}
    assert found == {"c", "d", "f"}
    store.declare({"more": "bool"}, lambda metadata: (metadata == "{}",))
    where = And((Compare("more", "=", True), Compare("n", ">=", 4)))
    assert {row.id for row in store.nearest(vector, 9, where=where)} == {"d", "f"}


def test_a_value_that_cannot_be_read_declares_nothing(store):
    store.write([rows("abc")], replace=False)

    def values_of(metadata):
        raise InputError("no integer")

    with pytest.raises(InputError, match="no integer"):
        store.declare({"n": "int"}, values_of)
    assert store.identity() == IDENTITY
    store.write([rows("d")], replace=False)
    store.declare({"n": "int"}, lambda _: (7,))
    assert len(store.nearest(unit(1, 0, 0, 0), 9, where=Compare("n", "=", 7))) == 4


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
    if isinstance(chosen, Approximation):
        assert 0 < chosen.probes <= chosen.partitions
    if chosen is not None:
        assert str(chosen)
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


@pytest.mark.parametrize("limit", [700, 1199, 1200, 5000])
def test_an_approximate_search_gives_as_many_as_are_asked_for(many, monkeypatch, limit):
    """Also more than the parts hold that it compares."""
    monkeypatch.setattr(lance_approximate, "CELL_ROWS", 50)
    monkeypatch.setattr(lance_approximate, "LEAST_RECALL", 0.0)
    store, drawn = many
    exact = [row.id for row in store.nearest(drawn[3], limit)]
    store.approximate(silent)
    monkeypatch.setattr(lance_search, "MOST_VECTOR_BYTES", 0)
    assert [row.id for row in store.nearest(drawn[3], limit)] == exact
    assert len(exact) == min(limit, 1200)


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
    assert {entry.name for entry in folder.iterdir()} - {"__manifest"} == {"documents.lance"}
    again = LanceStore.open(folder)
    assert ids_in(again) == list("abc")
    assert again.write([rows("xyz")], replace=False) == 3
