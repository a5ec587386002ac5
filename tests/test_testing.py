"""The fakes that ship: the reranker for users' tests, the engine for ours."""

import subprocess
import sys
from inspect import signature

import numpy as np
import pytest

from secondpass import InputError
from secondpass.engine.contract import Policy
from secondpass.engine.fake import FakeEngine, hashed
from secondpass.scoring.batches import make_batches, restore_order
from secondpass.scoring.pairs import Pair
from secondpass.testing import FakeReranker

CANDIDATES = [{"id": 1, "text": "the date"}, {"id": 2, "content": "how to read a csv file"}]


def test_by_default_the_shared_words_rank():
    reranker = FakeReranker()
    assert [hit.index for hit in reranker.rank("csv file", ["x", "a csv", "csv file"])] == [2, 1, 0]
    (best,) = reranker.rerank("read a file", CANDIDATES, top_k=1)
    assert best == CANDIDATES[1] | {"cross_encoder_score": 1.0}
    assert reranker.predict([("a b", "b"), ("a", "b")]).tolist() == [0.5, 0]
    assert reranker.calls[0] == ("csv file", ["x", "a csv", "csv file"])


def test_many_queries_are_ranked_one_by_one():
    reranker = FakeReranker()
    first, second = reranker.rank_many(["csv", "date"], [["a csv", "x"], ["y", "the date"]], 1)
    assert (first.hits[0].index, second.hits[0].index) == (0, 1)
    assert [query for query, _ in reranker.calls] == ["csv", "date"]


def test_a_test_says_the_scores_the_time_and_what_happens():
    def refuse(query, texts):
        if query == "bad":
            raise InputError("planted")

    reranker = FakeReranker(lambda query, text: -len(text), ms_per_text=5, on_call=refuse)
    ranking = reranker.rank("q", ["long", "a", "b"], top_k=2)
    assert [(hit.index, hit.score) for hit in ranking] == [(1, -1.0), (2, -1.0)]
    assert (ranking.timings.total_ms, ranking.timings.candidates) == (15, 3)
    with pytest.raises(InputError, match="planted"):
        reranker.rank("bad", ["a"])


def test_it_drops_and_fuses_as_the_reranker_does():
    reranker = FakeReranker()
    texts = ["a csv", "the date", "csv file"]
    ranking = reranker.rank("csv file", texts, min_score=0.5)
    assert ([hit.index for hit in ranking], ranking.timings.dropped) == ([2, 0], 1)
    assert len(reranker.rank("csv file", texts, min_score=0.0)) == 3
    first = {"first_stage_scores": [9, 0, 1], "fuse_weight": 5}
    fused = reranker.rank("csv file", texts, fuse="weighted", **first)
    assert fused[0].index == 0
    assert fused[0].fused is not None
    assert [hit.index for hit in reranker.rank("csv file", texts, fuse="rrf")] == [0, 2, 1]
    with pytest.raises(InputError, match="first_stage_scores"):
        reranker.rank("csv file", texts, fuse="weighted", first_stage_scores=[1])


@pytest.mark.parametrize(("query", "texts"), [("", ["a"]), ("q", "a"), ("q", [3])])
def test_it_refuses_what_the_reranker_refuses(query, texts):
    with pytest.raises(InputError):
        FakeReranker().rank(query, texts)


def test_its_signatures_are_the_first_arguments_of_the_reranker(tiny):
    for name in ("rank", "rerank"):
        own, real = (
            list(signature(getattr(reranker, name)).parameters)
            for reranker in (FakeReranker, type(tiny))
        )
        assert own[:4] == real[:4]


def test_neither_fake_loads_an_engine():
    code = "import secondpass.testing, secondpass.engine.fake, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert "secondpass.testing" in loaded.split()
    assert {"openvino", "torch", "tokenizers"}.isdisjoint(loaded.split())


def test_the_fake_engine_scores_tokens_by_what_it_is_told_and_notes_its_batches():
    pairs = [
        Pair(np.arange(length, dtype=np.int32), np.zeros(length, np.int32)) for length in (3, 9)
    ]
    engine = FakeEngine(lambda ids: float(len(ids)))
    batches = make_batches(pairs, Policy(), padding_id=0, length_limit=64)
    assert restore_order(batches, engine.run(batches))[:, 0].tolist() == [3, 9]
    assert [batch.lengths.tolist() for batch in engine.batches] == [[9, 3]]
    assert hashed(np.array([1, 2])) != hashed(np.array([2, 1]))
