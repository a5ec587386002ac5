"""One query measured, the depth curve, and the table, with delays that are known."""

import numpy as np
import pytest
from fake_stages import FakeClock, FakeFirst, FakeSecond, times

from secondpass.bench.depths import DepthCurve
from secondpass.bench.observed import observe
from secondpass.bench.process_use import ProcessMeter
from secondpass.bench.stages import FixedCandidates, query_times
from secondpass.bench.table import brief_cells, cells, make_rows, number, shown
from secondpass.bench.workers import Served
from secondpass.pipeline import SearchPipeline
from secondpass.retrieval.index import Index
from secondpass.stats.percentiles import Estimate


def measured(first, second, *, depth, top_k=5):
    pipeline = SearchPipeline(first, second, depth, now=second.clock.now)
    return query_times(pipeline.search("csv", top_k))


def test_the_times_of_one_query_are_those_of_its_stages():
    clock = FakeClock()
    second = FakeSecond(clock, delays_ms=[40.0])
    found = measured(FakeFirst(clock), second, depth=30)
    assert second.asked == [("csv", 30, 5)]
    assert (found.embed_ms, found.search_ms) == (pytest.approx(2), pytest.approx(3))
    assert found.dense_ms == pytest.approx(5)
    assert (found.tokenize_ms, found.batch_ms) == (0.1, 0.2)
    assert (found.infer_ms, found.rank_ms) == (0.3, 0.4)
    assert found.rerank_ms == pytest.approx(40)
    assert found.pipeline_ms == pytest.approx(45)
    assert (found.candidates, found.tokens, found.truncated) == (30, 210, 1)


def test_fixed_candidates_have_no_dense_stage():
    found = measured(FixedCandidates(["a", "b", "c"]), FakeSecond(FakeClock()), depth=2)
    assert found.embed_ms is found.search_ms is found.dense_ms is None
    assert found.candidates == 2
    assert found.pipeline_ms == pytest.approx(found.rerank_ms)


def test_the_pipeline_times_the_two_halves_of_an_indexs_search(tmp_path):
    from fake_index_embedder import SlowEmbedder

    clock = FakeClock()
    index = Index.create(tmp_path / "index", SlowEmbedder(clock, 0.25))
    index.add({"id": str(at), "text": f"text {at}"} for at in range(5))
    found = measured(index, FakeSecond(clock), depth=2)
    assert found.candidates == 2
    assert found.embed_ms == pytest.approx(250)
    assert found.search_ms == pytest.approx(0)


@pytest.mark.parametrize("dense", [True, False])
def test_what_came_out_has_both_orders(dense):
    clock = FakeClock()
    pipeline = SearchPipeline(FakeFirst(clock), FakeSecond(clock), 3)
    outputs = observe(pipeline, ["a", "b", "a"], dense=dense)
    *first, rerank = outputs.stages
    assert [stage.stage for stage in first] == (["dense"] if dense else [])
    assert rerank.reranks == ("dense" if dense else None)
    assert [one.query for one in rerank.queries] == ["a", "b"]
    for stage in outputs.stages:
        assert stage.queries[0].ids == ("d0", "d1", "d2")


def test_the_depth_curve_reranks_the_same_queries_at_each_depth():
    clock = FakeClock()
    second = FakeSecond(clock)
    curve = DepthCurve(FakeFirst(clock, documents=30), second, (10, 20, 50), clock)
    advanced = []
    curve.measure(["a", "b"], advanced.append)
    assert [asked[:2] for asked in second.asked] == [
        *(("a", 10), ("a", 20), ("a", 30)),
        *(("b", 10), ("b", 20), ("b", 30)),
    ]
    assert sum(advanced) == 120
    points = curve.points(seed=1)
    assert [(point.depth, point.candidates) for point in points] == [(10, 10), (20, 20), (50, 30)]
    # One millisecond a candidate; the first stage's 5 ms are not in it.
    assert [round(point.rerank_ms.p50.value) for point in points] == [10, 20, 30]
    assert DepthCurve(FakeFirst(clock), second, (10,), clock).points(seed=1) == ()


def served(count, **given):
    return [Served(at, 0.0, 6.0, times(**given)) for at in range(count)]


def test_the_table_has_every_stage_both_together_and_the_ratio():
    rows = make_rows(served(100), dense=True, queue=False, seed=1)
    assert [row.label for row in rows] == [
        "query embedding",
        "vector search",
        "dense retrieval",
        "tokenize",
        "batch",
        "infer",
        "rank",
        "rerank",
        "whole pipeline",
        "rerank : dense",
    ]
    by_key = {row.key: row.summary for row in rows}
    assert by_key["dense_ms"].p99.value == 2
    assert by_key["ratio"].p95.value == by_key["ratio"].mean.value == 2
    assert cells(rows[-1]) == ["2.00x [2.00, 2.00]"] * 4
    assert brief_cells(rows[-1]) == ["2.00x [2.00, 2.00]"] * 3 + ["2.00x"]


def test_the_table_leaves_out_what_was_not_measured():
    rows = make_rows(
        served(3, embed_ms=None, search_ms=None, dense_ms=None), dense=False, queue=True, seed=1
    )
    assert [row.key for row in rows][:2] == ["tokenize_ms", "batch_ms"]
    assert [row.key for row in rows][-2:] == ["wait_ms", "response_ms"]
    assert cells(rows[0])[1:3] == ["–", "–"]


def test_numbers_keep_three_digits():
    assert [number(value) for value in (1234.5, 123.4, 12.34, 1.234, 0.1234)] == [
        "1234",
        "123",
        "12.3",
        "1.23",
        "0.123",
    ]
    assert shown(Estimate(1.0, None, None)) == "1.00"
    assert shown(None) == "–"


def test_memory_and_cpu_are_the_processs():
    meter = ProcessMeter()
    block = np.ones(40_000_000, np.int8)  # each page is touched
    use = meter.read()
    assert use.peak_bytes > len(block)
    assert use.cpu_seconds > 0
    assert use.wall_seconds > 0
