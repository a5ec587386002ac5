"""Fusion and ordering, against values worked out by hand."""

import numpy as np
import pytest
from toy_quality import RUNS, write_collection

from benchmarks.quality.measured import fused, ordered
from benchmarks.quality.task import dense_candidates, open_task
from secondpass.options.fusion import Fusion
from secondpass.progress import silent

QUERIES = {"q": "a question", "long": "a passage " * 40}


def weighted(weight):
    return Fusion("weighted", weight)


def test_a_long_query_has_a_weight_of_its_own():
    logits = {query: np.array([1.0, 0.0]) for query in QUERIES}
    first = {query: np.array([0.0, 1.0]) for query in QUERIES}
    found = fused(logits, first, Fusion("weighted", 0.5, passage_weight=2.0), QUERIES)
    assert {query: int(np.argmax(scores)) for query, scores in found.items()} == {"q": 0, "long": 1}


@pytest.fixture
def task(tmp_path):
    return open_task(
        write_collection(tmp_path / "left", RUNS["left"]), depth=100, queries=None, seed=0
    )


def test_a_fusion_is_the_sum_of_both_standardised():
    # Two values are always -1 and 1: 1 - 0.25 and -1 + 0.25.
    found = fused({"q": np.array([9.0, 3.0])}, {"q": np.array([0.1, 0.2])}, weighted(0.25), QUERIES)
    assert found["q"].tolist() == pytest.approx([0.75, -0.75])


@pytest.mark.parametrize(("weight", "first"), [(0.9, "x"), (1.1, "y")])
def test_the_weight_decides_who_wins(weight, first):
    found = fused(
        {"q": np.array([1.0, 0.0])}, {"q": np.array([0.0, 1.0])}, weighted(weight), QUERIES
    )["q"]
    assert "xy"[int(np.argmax(found))] == first


def test_a_query_without_logits_stays_without():
    assert fused({}, {"q": np.array([1.0])}, weighted(0.5), QUERIES) == {}


def test_candidates_are_ordered_by_score_and_a_query_without_keeps_the_first_order(task):
    run = ordered(task, {"q1": np.array([0.0, 1.0, 2.0])})
    assert [one.document_id for one in run["q1"]] == ["c", "b", "a"]
    assert [one.document_id for one in run["q2"]] == ["c", "b", "a"]


def test_only_queries_with_candidates_are_evaluated(task):
    assert list(task.collection.qrels) == ["q1", "q2"]
    assert task.judged_queries == 3
    assert task.candidates == 6


def test_the_depth_cuts_the_candidates(tmp_path):
    folder = write_collection(tmp_path / "left", RUNS["left"])
    run = open_task(folder, depth=2, queries=None, seed=0).run
    assert [one.document_id for one in run["q1"]] == ["a", "b"]


def test_a_pool_leaves_out_what_is_not_in_it(tmp_path):
    folder = write_collection(tmp_path / "left", RUNS["left"])
    for query_id in ("q1", "q2"):
        (folder / f"run.{query_id}.trec").write_text(f"{query_id} Q0 b 1 1.0 x\n")
    whole = open_task(folder, depth=100, queries=None, seed=0)
    (folder / "POOLED").touch()
    # The pool is made of all runs of the folder, so nothing of BM25's may be lost.
    assert open_task(folder, depth=100, queries=None, seed=0).run == whole.run


def test_a_collection_without_a_run_gets_our_bm25(tmp_path):
    pytest.importorskip("bm25s")
    folder = write_collection(tmp_path / "left", RUNS["left"])
    (folder / "run.bm25.trec").unlink()
    (folder / "queries.jsonl").write_text('{"_id": "q1", "text": "text b"}\n')
    task = open_task(folder, depth=1, queries=None, seed=0)
    assert task.first_stage.startswith("bm25 (bm25s")
    assert [len(ranked) for ranked in task.run.values()] == [1]


def test_a_query_that_is_a_document_does_not_get_itself(tmp_path):
    folder = write_collection(tmp_path / "left", {"a": {"a": 9.0, "b": 1.0}})
    (folder / "queries.jsonl").write_text('{"_id": "a", "text": "text a"}\n')
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\na\tb\t1\n")
    task = open_task(folder, depth=1, queries=None, seed=0)
    assert [one.document_id for one in task.run["a"]] == ["b"]


class ByLetter:
    """Embeds a text as the letter it ends with."""

    name, digest, dimension = "by letter", "0" * 64, 26

    def embed(self, texts, *, progress=None):
        return np.eye(26, dtype=np.float32)[[ord(text[-1]) - ord("a") for text in texts]]


def test_the_dense_stage_takes_the_nearest_of_all_documents(tmp_path, monkeypatch):
    monkeypatch.setenv("SECONDPASS_CACHE_DIR", str(tmp_path / "cache"))
    folder = write_collection(tmp_path / "left", RUNS["left"])
    (folder / "queries.jsonl").write_text('{"_id": "q1", "text": "wanted: c"}\n')
    find = dense_candidates(ByLetter(), silent)
    task = open_task(folder, depth=2, queries=None, seed=0, find=find)
    assert task.first_stage == "dense (by letter)"
    assert task.run["q1"][0].document_id == "c"
    assert len(task.run["q1"]) == 2
