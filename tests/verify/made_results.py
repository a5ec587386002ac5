"""Results of bench and eval made by hand for the tests."""

from dataclasses import replace

from made_records import FP32, MACHINE, MODEL, SOFTWARE

from secondpass.bench.result import (
    BenchResult,
    Constraints,
    DataFacts,
    Lengths,
    QueryTimes,
    Row,
    Setting,
    Start,
    Used,
)
from secondpass.evaluation.result import CollectionFacts, Comparison, Evaluation, Latency
from secondpass.stats.summary import Estimate, Summary
from secondpass.verify.outputs import Outputs, RankedQuery, StageOutput

COLD = QueryTimes(None, None, None, 1.0, 1.0, 1.0, 1.0, 4.0, 4.0, 100, 9000, 0)
SUMMARY = Summary(
    count=20,
    mean=Estimate(31.0, 30.0, 32.0),
    p50=Estimate(30.0, 29.0, 31.0),
    p95=Estimate(40.0, 38.0, 44.0),
    p99=None,
)
BENCH = BenchResult(
    complete=True,
    finished_at="2026-11-24T10:00:00+00:00",
    setting=Setting(100, 10, 20, 2, "closed", 1, None, (), 7, "secondpass bench"),
    constraints=Constraints(
        machine=MACHINE,
        software=SOFTWARE,
        reranker=MODEL,
        reranker_bytes=1,
        embedder=FP32,
        vectors=9000,
        dimension=384,
        queries_from="q",
        distinct_queries=20,
        candidates_from="i",
        data=DataFacts("docs", "c" * 64),
        candidate_tokens=Lengths(0, 0.0, 0.0, 0.0),
    ),
    start=Start(1.0, 2.0, COLD),
    rows=(
        Row("rerank_ms", "rerank together", "ms", SUMMARY),
        Row("ratio", "ratio", "times", SUMMARY),
    ),
    used=Used(1, 1.0, 1.0),
    depth_curve=(),
    observed=Outputs(
        (StageOutput("rerank", "cross-encoder", (RankedQuery("q", ("a", "b"), (2.0, 1.0)),)),)
    ),
    measured=(),
)

EVAL = Evaluation(
    created="2026-11-24T10:00:00+00:00",
    command="secondpass eval cranfield",
    machine=MACHINE,
    software=SOFTWARE,
    complete=True,
    collection=CollectionFacts("cranfield", "c" * 64, 1400, 225, 1837, 4),
    first_stage="BM25",
    embedder=None,
    vectors=None,
    dimension=None,
    model=FP32,
    fusion=None,
    depth=100,
    seed=13,
    comparisons=(Comparison("nDCG@10", 0.4, 0.5, 0.1, 0.0, 0.2, 0.01, 0.01, 9, 1, 0, "helps"),),
    latency=Latency(43, 21.0, 20.0, 30.0),
    curve=None,
    most_hurt=(),
    queries=(),
    notes=(),
    observed=Outputs(
        (
            StageOutput(
                "reranked",
                "cross-encoder",
                (RankedQuery("1", ("a", "b"), (2.0, 1.0)),),
                "first_stage",
                "e" * 64,
            ),
        )
    ),
)


def bench_of(model, **setting):
    """Return the bench result of a reranker over fixed candidates."""
    constraints = replace(
        BENCH.constraints, reranker=model, embedder=None, vectors=None, dimension=None
    )
    return replace(BENCH, constraints=constraints, setting=replace(BENCH.setting, **setting))
