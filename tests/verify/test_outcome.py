"""The results of bench and eval as outcomes."""

from dataclasses import replace

import pytest
from made_records import FP32, MODEL
from made_results import BENCH, EVAL, bench_of

from secondpass import InputError
from secondpass.evaluation.result import Latency as Times
from secondpass.retrieval.content_hash import content_sha256
from secondpass.verify.outcome import outcome_of
from secondpass.verify.record import DataSource, Latency, Measure, ModelUse, Vectors


def test_a_bench():
    found = outcome_of(BENCH, ["--depth", "100"])
    assert found.seed == 7
    assert found.models == (ModelUse("bi-encoder", FP32), ModelUse("cross-encoder", MODEL))
    assert found.vectors == Vectors(9000, 384)
    assert found.data == (DataSource("data", "made", "docs", "c" * 64),)
    assert found.latencies == (
        Latency("rerank_ms", "mean", 31.0, 20),
        Latency("rerank_ms", "P50", 30.0, 20),
        Latency("rerank_ms", "P95", 40.0, 20),
    )


def test_a_bench_over_fixed_candidates_has_no_vectors():
    found = outcome_of(bench_of(MODEL), ())
    assert found.models == (ModelUse("cross-encoder", MODEL),)
    assert found.vectors is None


def test_an_eval():
    found = outcome_of(EVAL, ())
    assert found.seed == 13
    assert found.models == (ModelUse("cross-encoder", FP32),)
    assert found.vectors is None
    assert found.data == (DataSource("collection", "made", "cranfield", "c" * 64),)
    assert found.observed.stages == EVAL.observed.stages
    assert found.observed.measures == (
        Measure("first_stage", "nDCG@10", 0.4),
        Measure("reranked", "nDCG@10", 0.5),
    )
    assert found.latencies[0] == Latency("rerank", "mean", 21.0, 43)


def test_an_eval_with_a_dense_first_stage():
    found = outcome_of(replace(EVAL, embedder=MODEL, vectors=1400, dimension=384), ())
    assert found.models == (ModelUse("bi-encoder", MODEL), ModelUse("cross-encoder", FP32))
    assert found.vectors == Vectors(1400, 384)


def test_a_percentile_that_was_withheld_is_no_latency():
    found = outcome_of(replace(EVAL, latency=Times(3, 21.0, 20.0, None)), ())
    assert found.latencies == (
        Latency("rerank", "mean", 21.0, 3),
        Latency("rerank", "P50", 20.0, 3),
    )
    assert outcome_of(replace(EVAL, latency=None), ()).latencies == ()


def test_arguments_that_are_paths_are_hashed(tmp_path):
    collection, run, model = tmp_path / "beir", tmp_path / "run.trec", tmp_path / "model"
    collection.mkdir()
    model.mkdir()
    (collection / "corpus.jsonl").write_text("{}")
    run.write_text("1 Q0 a 1 2.0 x")
    arguments = [
        *(str(collection), "--depth", "50", f"--first-stage=run:{run}", "--model", str(model)),
        *("--queries", str(run), "--no-such", str(tmp_path / "gone")),
    ]
    assert outcome_of(EVAL, arguments).data[:-1] == (
        DataSource("argument 1", "given", str(collection), content_sha256(collection)),
        DataSource("first-stage", "given", str(run), content_sha256(run)),
        DataSource("queries", "given", str(run), content_sha256(run)),
    )


@pytest.mark.parametrize("result", [BENCH, EVAL], ids=["bench", "eval"])
def test_half_a_result_is_refused(result):
    with pytest.raises(InputError, match="was interrupted"):
        outcome_of(replace(result, complete=False), ())
