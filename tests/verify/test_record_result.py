"""The results of bench and eval as outcomes, on results in the shape those commands write."""

from dataclasses import asdict

import pytest
from made_records import FP32, MODEL

from secondpass import InputError
from secondpass.retrieval.content_hash import content_sha256
from secondpass.verify.record import DataSource, Latency, Measure, ModelUse, Vectors
from secondpass.verify.result import read_outcome

BENCH = {
    "schema": "secondpass/bench/1",
    "complete": True,
    "setting": {"depth": 100, "seed": 7},
    "constraints": {
        "reranker": asdict(MODEL),
        "embedder": asdict(FP32),
        "vectors": 9000,
        "dimension": 384,
    },
    "rows": [
        {
            "key": "rerank_ms",
            "label": "rerank together",
            "unit": "ms",
            "summary": {
                "count": 20,
                "mean": {"value": 31.0, "low": 30.0, "high": 32.0},
                "p50": {"value": 30.0, "low": 29.0, "high": 31.0},
                "p95": {"value": 40.0, "low": 38.0, "high": 44.0},
                "p99": None,
            },
        },
        {"key": "ratio", "label": "ratio", "unit": "times", "summary": {"count": 20, "p50": 6.0}},
    ],
}

EVAL = {
    "schema": "secondpass/eval/1",
    "complete": True,
    "collection": {"name": "cranfield", "sha256": "c" * 64, "documents": 1400},
    "model": asdict(FP32),
    "seed": 13,
    "comparisons": [{"measure": "nDCG@10", "first_stage": 0.4, "reranked": 0.5, "helped": 9}],
    "latency": {"queries": 43, "mean_ms": 21.0, "p50_ms": 20.0, "p95_ms": 30.0},
    "observed": {
        "stages": [
            {
                "stage": "reranked",
                "model": "cross-encoder",
                "reranks": "first_stage",
                "run_sha256": "e" * 64,
                "queries": [{"query": "1", "ids": ["a", "b"], "scores": [2.0, 1]}],
            }
        ]
    },
}


def test_a_bench():
    found = read_outcome("bench", BENCH, ["--depth", "100"])
    assert found.seed == 7
    assert found.models == (ModelUse("bi-encoder", FP32), ModelUse("cross-encoder", MODEL))
    assert found.vectors == Vectors(9000, 384)
    assert found.data == ()
    assert found.latencies == (
        Latency("rerank_ms", "mean", 31.0, 20),
        Latency("rerank_ms", "P50", 30.0, 20),
        Latency("rerank_ms", "P95", 40.0, 20),
    )


def test_an_eval():
    found = read_outcome("eval", EVAL, ())
    assert found.seed == 13
    assert found.models == (ModelUse("cross-encoder", FP32),)
    assert found.vectors is None
    assert found.data == (DataSource("collection", "made", "cranfield", "c" * 64),)
    assert found.observed.measures == (
        Measure("first_stage", "nDCG@10", 0.4),
        Measure("reranked", "nDCG@10", 0.5),
    )
    (stage,) = found.observed.stages
    assert (stage.reranks, stage.run_sha256) == ("first_stage", "e" * 64)
    assert stage.queries[0].ids == ("a", "b")
    assert found.latencies[0] == Latency("rerank", "mean", 21.0, 43)


def test_an_eval_with_a_dense_first_stage():
    dense = EVAL | {"embedder": asdict(MODEL), "vectors": 1400, "dimension": 384}
    found = read_outcome("eval", dense, ())
    assert found.models == (ModelUse("bi-encoder", MODEL), ModelUse("cross-encoder", FP32))
    assert found.vectors == Vectors(1400, 384)
    without = EVAL | {"embedder": None, "vectors": None, "dimension": None}
    assert read_outcome("eval", without, ()) == read_outcome("eval", EVAL, ())


def test_a_percentile_that_was_withheld_is_no_latency():
    latency = {"queries": 3, "mean_ms": 21.0, "p50_ms": 20.0, "p95_ms": None}
    found = read_outcome("eval", EVAL | {"latency": latency}, ())
    assert found.latencies == (
        Latency("rerank", "mean", 21.0, 3),
        Latency("rerank", "P50", 20.0, 3),
    )


def test_numbers_under_measures_and_latencies_are_named_by_their_place():
    plain = {
        "schema": "secondpass/eval/1",
        "measures": {"reranked": {"nDCG@10": 0.5, "kept": True}, "AP": 0.3},
        "latencies": {"dense": {"p50_ms": 4}, "cold_ms": 90.5},
    }
    found = read_outcome("eval", plain, ())
    assert found.observed.measures == (
        Measure("reranked", "nDCG@10", 0.5),
        Measure("all", "AP", 0.3),
    )
    assert found.latencies == (
        Latency("dense", "p50", 4.0, "unknown"),
        Latency("cold_ms", "cold", 90.5, "unknown"),
    )


def test_what_a_model_does_not_say_is_unknown():
    model = {"name": "m", "weights_sha256": "a" * 64}
    found = read_outcome("eval", {"schema": "secondpass/eval/1", "model": model}, ())
    assert found.models[0].info.tokenizer_sha256 == "unknown"


def test_arguments_that_are_paths_are_hashed(tmp_path):
    collection, run, model = tmp_path / "beir", tmp_path / "run.trec", tmp_path / "model"
    collection.mkdir()
    model.mkdir()
    (collection / "corpus.jsonl").write_text("{}")
    run.write_text("1 Q0 a 1 2.0 x")
    arguments = [
        str(collection),
        "--depth",
        "50",
        f"--first-stage=run:{run}",
        "--model",
        str(model),
        "--queries",
        str(run),
        "--no-such",
        str(tmp_path / "gone"),
    ]
    found = read_outcome("eval", {"schema": "secondpass/eval/1"}, arguments)
    assert found.data == (
        DataSource("argument 1", "given", str(collection), content_sha256(collection)),
        DataSource("first-stage", "given", str(run), content_sha256(run)),
        DataSource("queries", "given", str(run), content_sha256(run)),
    )


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (BENCH | {"complete": False}, "was interrupted"),
        (EVAL, "schema 'secondpass/eval/1', expected 'secondpass/bench/1'"),
        ({}, "schema None"),
    ],
)
def test_half_a_result_or_another_is_refused(result, message):
    with pytest.raises(InputError, match=message):
        read_outcome("bench", result, ())
