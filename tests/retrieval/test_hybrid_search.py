"""The modes of a search, filters, and what an index of before needs for them."""

from __future__ import annotations

import pytest

pytest.importorskip("lancedb")
pytest.importorskip("sqlglot")

from fake_embedder import FakeEmbedder

from secondpass.errors import IndexFileError, InputError
from secondpass.pipeline import SearchPipeline, retrieve
from secondpass.retrieval.hybrid import WEIGHT, fused
from secondpass.retrieval.index import Index, store_identity
from secondpass.retrieval.stores.contract import StoreIdentity
from secondpass.retrieval.stores.filters import Compare
from secondpass.retrieval.stores.lance import LanceStore
from secondpass.retrieval.stores.memory import MemoryStore
from secondpass.testing import FakeReranker
from secondpass.types import Document

TEXTS = {
    "csv": "how to read a csv file",
    "json": "json objects and arrays",
    "zip": "zip archives of csv data",
    "zh": "您可以在设置里重置密码。",
    "none": "",
}
YEARS = {"csv": 2019, "json": 2020, "zip": "2021", "zh": None, "none": 2020.0}
COLUMNS = {"year": int, "lang": "str"}


def documents():
    return [
        Document(id_, text, {"year": YEARS[id_], "lang": "zh" if id_ == "zh" else "en"})
        for id_, text in TEXTS.items()
    ]


@pytest.fixture(params=["memory", "lance", "postgres"])
def index(request, tmp_path):
    embedder = FakeEmbedder()
    if request.param == "lance":
        made = Index.create(tmp_path / "index", embedder, columns=COLUMNS)
    elif request.param == "postgres":
        address = request.getfixturevalue("postgres_address")
        made = Index.create(address, embedder, columns=COLUMNS)
    else:
        columns = {"year": "int", "lang": "str"}
        made = Index(MemoryStore(store_identity(embedder, None, columns)), embedder)
    made.add(documents())
    return made


def ids(found):
    return [one.id for one in found]


def test_bm25_finds_what_has_the_words_and_embeds_nothing(index):
    index._embedder.batch_sizes.clear()
    found = index.search("CSV files", mode="bm25")
    assert ids(found) == ["zip", "csv"]
    assert index._embedder.batch_sizes == []
    assert all(one.similarity is None and one.bm25 > 0 and one.score == one.bm25 for one in found)
    assert ids(index.search("重置", mode="bm25")) == ["zh"]
    assert index.search("?", mode="bm25") == []


def test_hybrid_has_both_scores_of_every_document_and_ranks_by_both(index):
    found = index.search("read csv", mode="hybrid")
    assert sorted(ids(found)) == sorted(TEXTS)
    dense = {one.id: one.similarity for one in index.search("read csv")}
    words = {one.id: one.bm25 for one in index.search("read csv", mode="bm25")}
    assert {one.id: one.similarity for one in found} == dense
    assert {one.id: one.bm25 for one in found} == {id_: words.get(id_, 0.0) for id_ in TEXTS}
    expected = fused([one.similarity for one in found], [one.bm25 for one in found])
    assert [one.fused for one in found] == pytest.approx(expected)
    assert [one.score for one in found] == sorted((one.fused for one in found), reverse=True)
    assert ids(index.search("read csv", 2, mode="hybrid")) == ids(found)[:2]


def test_the_fused_score_worked_by_hand():
    # z of (1, 2, 3) is (-1.2247, 0, 1.2247), of (0, 0, 6) (-0.7071, -0.7071, 1.4142).
    expected = [-1.2247449 - 0.7071068 * WEIGHT, -0.7071068 * WEIGHT]
    expected.append(1.2247449 + 1.4142136 * WEIGHT)
    assert fused([1, 2, 3], [0, 0, 6]) == pytest.approx(expected, abs=1e-6)
    assert fused([0.5, 0.5], [0, 0]) == [0, 0]


@pytest.mark.parametrize("mode", ["dense", "hybrid"])
def test_a_query_without_words_is_searched_by_its_vector(index, mode):
    assert len(index.search("?!", mode=mode)) == len(TEXTS)


@pytest.mark.parametrize("mode", ["dense", "bm25", "hybrid"])
def test_a_filter_is_before_the_search(index, mode):
    found = index.search("read csv json", 2, mode=mode, where="year >= 2020 AND lang = 'en'")
    assert set(ids(found)) <= {"json", "zip", "none"}
    assert len(found) == 2
    same = index.search("read csv json", 2, mode=mode, where=Compare("year", ">", 2020))
    assert ids(same) == ["zip"]
    with pytest.raises(InputError, match="'yaer', which is not a declared column"):
        index.search("csv", mode=mode, where="yaer = 1")


def test_deleting_by_a_condition(index):
    assert index.delete(where="year IS NULL OR year = 2020") == 3
    assert index.ids() == {"csv", "zip"}
    assert index.delete(where="year = 1066") == 0
    for given in ({}, {"ids": ["csv"], "where": "year = 2019"}):
        with pytest.raises(InputError, match="either ids or where"):
            index.delete(**given)
    assert index.delete(["csv"]) == 1


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("soon", "year is 'soon', expected an integer"),
        (2020.5, "year is 2020.5, expected an integer"),
        (True, "year is True, expected an integer"),
        ([2020], r"year is \[2020\], expected an integer"),
        (2**63, "year is .*, expected at most"),
        ("9" * 30, "year is .*, expected at most"),
    ],
)
def test_a_value_of_another_type_adds_nothing(index, value, said):
    new = [Document("fine", "x", {"year": 2020}), Document("bad", "y", {"year": value})]
    with pytest.raises(InputError, match=rf"document 'bad': {said}"):
        index.add(new)
    assert len(index) == len(TEXTS)


def test_text_counts_as_the_number_it_says_and_empty_text_as_none(index):
    index.add([Document("a", "x", {"year": " 2022 "}), Document("b", "y", {"year": ""})])
    assert ids(index.search("x", where="year = 2022")) == ["a"]
    assert set(ids(index.search("x", where="year IS NULL"))) == {"b", "zh"}


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"year": "date"}, "declares 'year' as 'date', expected str, int, float, bool"),
        ({"": "int"}, "names '', expected a name"),
        ({5: "int"}, "names 5, expected a name"),
        (["year"], "expected a dict"),
        ({"n" * 200: int}, "expected a name of 1 to 100"),
    ],
)
def test_columns_that_are_none(tmp_path, columns, said):
    with pytest.raises(InputError, match=said):
        Index.create(tmp_path / "index", FakeEmbedder(), columns=columns)


def test_columns_can_be_declared_later_and_read_what_is_there(tmp_path):
    embedder = FakeEmbedder()
    index = Index.create(tmp_path / "index", embedder)
    index.add(documents())
    embedder.batch_sizes.clear()
    with pytest.raises(InputError, match=r"lang is .*expected an integer"):
        index.declare({"year": int, "lang": int})
    assert index.columns == {}
    index.declare(COLUMNS)
    index.declare({"year": "int"})
    assert index.columns == {"year": "int", "lang": "str"}
    assert ids(index.search("x", where="year > 2020")) == ["zip"]
    assert embedder.batch_sizes == [1]
    with pytest.raises(InputError, match="declares 'year' as int, not str"):
        index.declare({"year": str})
    again = Index.create(tmp_path / "index", embedder, exist_ok=True, columns={"year": int})
    assert ids(again.search("x", where="year > 2020")) == ["zip"]
    with pytest.raises(InputError, match=r"does not declare \['price'\].*index\.declare"):
        Index.create(tmp_path / "index", embedder, exist_ok=True, columns={"price": float})


def old_index(folder, embedder):
    """Return an index as it was made before terms were kept."""
    identity = store_identity(embedder)
    without = {name: made for name, made in identity.features.items() if name != "terms"}
    index = Index(LanceStore.create(folder, StoreIdentity(identity.embedder, without)), embedder)
    index.add(documents())
    return index


@pytest.mark.parametrize("mode", ["bm25", "hybrid"])
def test_an_index_of_before_says_what_it_needs_and_is_searched_after_it(tmp_path, mode):
    embedder = FakeEmbedder()
    index = old_index(tmp_path / "index", embedder)
    assert not index.keeps_terms
    with pytest.raises(IndexFileError, match=r"keeps no terms .*index\.add_terms\(\)"):
        index.search("csv", mode=mode)
    before = index.search("csv")
    embedder.batch_sizes.clear()
    assert index.add_terms() == len(TEXTS)
    assert index.add_terms() == 0
    assert embedder.batch_sizes == []
    assert index.keeps_terms
    assert {"csv", "zip"} <= set(ids(index.search("csv", mode=mode)))
    assert index.search("csv") == before
    fresh = Index.create(tmp_path / "fresh", FakeEmbedder())
    fresh.add(documents())
    assert index.search("read csv", mode=mode) == fresh.search("read csv", mode=mode)


def test_terms_that_were_begun_are_gone_on_with(tmp_path):
    index = old_index(tmp_path / "index", FakeEmbedder())
    features = index._store.identity().features
    fresh = store_identity(FakeEmbedder()).features
    index._store.change_features({**features, "terms": fresh["terms"]})
    with pytest.raises(IndexFileError, match=r"5 documents .* have no terms.*add_terms"):
        index.search("csv", mode="bm25")
    index.add([Document("new", "csv")])
    assert index.add_terms() == len(TEXTS)
    assert set(ids(index.search("csv", mode="bm25"))) == {"csv", "zip", "new"}


def test_a_pipeline_searches_in_its_mode_and_with_a_condition(index):
    for mode, similar in (("dense", True), ("bm25", False), ("hybrid", True)):
        pipeline = SearchPipeline(index, FakeReranker(), depth=3, mode=mode)
        result = pipeline.search("read csv", where="lang = 'en'")
        first = [hit.document for hit in sorted(result, key=lambda hit: hit.first_rank)]
        assert first == index.search("read csv", 3, mode=mode, where="lang = 'en'")
        assert (result.timings.embed_ms is not None) == similar


def test_a_first_stage_without_modes_is_named(index):
    class Own:
        def search(self, query, limit=10):
            return []

    with pytest.raises(InputError, match=r"mode='hybrid' needs a first stage .* Own has none"):
        SearchPipeline(Own(), FakeReranker(), mode="hybrid")
    with pytest.raises(InputError, match="mode is 'sparse', expected one of dense, bm25, hybrid"):
        SearchPipeline(index, FakeReranker(), mode="sparse")
    with pytest.raises(InputError, match="mode is 'BM25', expected one of"):
        index.search("x", mode="BM25")
    assert retrieve(Own(), "x", 3).documents == []


@pytest.mark.parametrize("step", ["add_columns", "merge_insert", "update_field_metadata"])
def test_a_declaration_that_is_killed_at_any_step_declares_nothing(tmp_path, monkeypatch, step):
    index = Index.create(tmp_path / "index", FakeEmbedder())
    index.add(documents())

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(type(index._store._table), step, killed)
        with pytest.raises(KeyboardInterrupt):
            index.declare(COLUMNS)
    index = Index.open(tmp_path / "index", FakeEmbedder())
    assert index.columns == {}
    index.add([Document("later", "a text", {"year": 1999, "lang": "it"})])
    index.declare(COLUMNS)
    assert ids(index.search("x", where="lang = 'it' AND year = 1999")) == ["later"]
    assert set(ids(index.search("x", where="year IS NULL"))) == {"zh"}
