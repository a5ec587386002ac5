"""What is handed to another process is rebuilt there: models from options, indexes from folders."""

import copy
import dataclasses
import pickle
import shutil
from functools import partial

import numpy as np
import pytest
from scripts_apart import BERT

from secondpass import (
    CrossEncoderReranker,
    Embedder,
    EngineError,
    Index,
    InputError,
    MissingExtraError,
    SearchPipeline,
)
from secondpass.retrieval.index import store_identity
from secondpass.retrieval.stores.memory import MemoryStore
from secondpass.testing import FakeReranker

TEXTS = ["Sheep give wool.", "Cows give milk.", "csv file reader"]
EMBEDDER = BERT.parent / "bert-embedder"
WAYS = [lambda value: pickle.loads(pickle.dumps(value)), copy.copy, copy.deepcopy]
ways = pytest.mark.parametrize("again", WAYS, ids=["pickle", "copy", "deepcopy"])


@pytest.fixture(scope="module")
def embedder():
    return Embedder(EMBEDDER, max_length=32, threads=1)


@pytest.fixture
def index(embedder, tmp_path):
    index = Index.create(tmp_path / "index", embedder)
    index.add([{"id": str(at), "text": text} for at, text in enumerate(TEXTS)])
    return index


@ways
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"cache": "memory"},
        {"cascade": [str(BERT), str(BERT)], "keep": 1},
        {"effort": "full", "long_documents": "max"},
    ],
    ids=["plain", "cache", "cascade", "windows"],
)
def test_a_reranker_is_rebuilt_from_its_options(again, options):
    named = {} if "cascade" in options else {"model_name": BERT}
    reranker = CrossEncoderReranker(**named, max_length=64, threads=1, **options)
    reranker.rank("wool", TEXTS, budget_ms=10_000 if "cascade" not in options else None)
    other = again(reranker)
    assert other.options == reranker.options
    reranker.close()
    assert len(other.rank("wool", TEXTS)) == 3
    other.close()


@pytest.mark.parametrize("name", ["reranker", "cached", "cascade", "model", "embedder", "index"])
def test_relative_folders_hold_in_another_current_folder(name, tmp_path, monkeypatch):
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    shutil.copytree(BERT, here / "models/bert")
    shutil.copytree(EMBEDDER, here / "models/embedder")
    elsewhere.mkdir()
    monkeypatch.chdir(here)
    rank = partial(CrossEncoderReranker, max_length=64, threads=1, cache_dir="graphs")
    make = {
        "reranker": lambda: rank("models/bert"),
        "cached": lambda: rank("./models/bert", cache="scores"),
        "cascade": lambda: rank(cascade=["models/bert", "models/bert/"]),
        "model": lambda: rank("models/bert").model,
        "embedder": lambda: Embedder("models/embedder", threads=1),
        "index": lambda: Index.create("index", Embedder("models/embedder", threads=1)),
    }
    made = make[name]()
    shown = repr(made)
    monkeypatch.chdir(elsewhere)
    other = pickle.loads(pickle.dumps(made))
    if name in ("reranker", "cached", "cascade"):
        assert len(other.rank("wool", TEXTS)) == 3
        assert (shown, "here" in shown) == (repr(made), False)
        assert str(here) in repr(other)
    if name == "cached":
        made.rank("wool", TEXTS)
        assert [path.name for path in here.glob("scores/*.sqlite")] == ["scores-1.sqlite"]
    if name == "index":
        assert other.search("wool") == []
    assert not list(elsewhere.iterdir())


@ways
def test_an_embedder_is_rebuilt_from_its_options(again, embedder):
    other = again(embedder)
    assert repr(other) == repr(embedder)
    assert "max_length=32" in repr(embedder)
    assert np.array_equal(other.embed(TEXTS), embedder.embed(TEXTS))


@ways
def test_an_index_in_a_folder_is_opened_again(again, index):
    other = again(index)
    assert other.folder == index.folder
    assert other.search("wool", 3) == index.search("wool", 3)


@pytest.mark.parametrize("again", [WAYS[0], WAYS[2]], ids=["pickle", "deepcopy"])
def test_an_index_in_memory_takes_its_documents_along(again, embedder):
    index = Index(MemoryStore(store_identity(embedder)), embedder)
    index.add([{"id": "a", "text": TEXTS[0]}])
    other = again(index)
    index.add([{"id": "b", "text": TEXTS[1]}])
    assert other.ids() == {"a"}
    assert [found.id for found in other.search("wool")] == ["a"]


@ways
def test_a_pipeline_is_rebuilt(again, index, tiny):
    pipeline = SearchPipeline(index, tiny, depth=2, fuse="weighted", fuse_weight=0.3)
    expected = pipeline.search("wool")
    assert again(pipeline).search("wool").hits == expected.hits


@pytest.mark.parametrize("name", ["_scorer", "_last", "model"])
def test_the_scorers_within_a_reranker_are_rebuilt(name, tmp_path):
    reranker = CrossEncoderReranker(
        cascade=[BERT, BERT], max_length=64, threads=1, cache=tmp_path / "scores"
    )
    scorer = pickle.loads(pickle.dumps(getattr(reranker, name)))
    assert scorer.prepare("wool", TEXTS)
    scorer.close()


def test_a_fake_reranker_is_copied_with_its_calls():
    fake = FakeReranker(ms_per_text=2)
    fake.rank("wool", TEXTS)
    other = pickle.loads(pickle.dumps(fake))
    assert (other.calls, other.rank("wool", TEXTS)) == (fake.calls, fake.rank("wool", TEXTS))


def test_results_are_copied_whole(index, tiny):
    found = index.search("wool", 3)
    results = [
        tiny.rank("wool", TEXTS),
        found,
        SearchPipeline(index, tiny).search("wool"),
        tiny.info,
        *index.documents(),
    ]
    assert pickle.loads(pickle.dumps(results)) == results
    # The texts of an index bring their token ids.
    other = pickle.loads(pickle.dumps(found))[0].text
    assert np.array_equal(other.ids, found[0].text.ids)
    scores = tiny.score("wool", TEXTS)
    other_scores = pickle.loads(pickle.dumps(scores))
    for field in dataclasses.fields(scores):
        np.testing.assert_equal(getattr(other_scores, field.name), getattr(scores, field.name))


@pytest.mark.parametrize(
    "error",
    [MissingExtraError("Index", "search"), InputError("top_k is 0"), EngineError.closed()],
    ids=lambda error: type(error).__name__,
)
def test_an_error_reaches_the_process_that_waits_for_it(error):
    other = pickle.loads(pickle.dumps(error))
    assert (type(other), str(other), vars(other)) == (type(error), str(error), vars(error))


def test_an_embedder_is_closed_at_the_end_of_its_block():
    with Embedder(EMBEDDER, threads=1) as embedder:
        embedder.embed(TEXTS)
    embedder.close()
    for call in (partial(embedder.embed, TEXTS), partial(embedder.embed_queries, ["wool"])):
        with pytest.raises(EngineError, match="closed"):
            call()


@pytest.mark.parametrize("query", ["", "  \n", "\u00a0"])
def test_an_embedder_refuses_the_queries_that_a_reranker_refuses(embedder, query):
    with pytest.raises(InputError, match=r"query 1 .* is empty"):
        embedder.embed_queries(["wool", query])
    assert embedder.embed([query]).shape == (1, embedder.dimension)
