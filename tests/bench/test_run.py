"""A whole run of a tiny model over fixed candidates: result, JSON, page, interruption."""

import dataclasses
from contextlib import contextmanager

import pytest

from secondpass import InputError
from secondpass.bench.clock import WallClock
from secondpass.bench.report import make_page
from secondpass.bench.result import BenchResult, Setting
from secondpass.bench.run import run
from secondpass.bench.setting_lines import facts, start_lines
from secondpass.bench.summary_text import compared, notes, summary
from secondpass.bench.workload import Loaded, candidates_workload
from secondpass.progress import silent
from secondpass.result_file import encode, read_result, write_result

SETTING = Setting(
    depth=20,
    top_k=5,
    queries=6,
    warm_up=2,
    loop="closed",
    clients=1,
    rate_per_second=None,
    depths=(5, 10),
    seed=1,
    command="secondpass bench",
)
WORDS = ["csv file rows", "date and time", "thread lock wait", "open path close", "sort list key"]


@pytest.fixture(scope="module")
def workload(documents_of_words):
    return candidates_workload(documents_of_words, "c.jsonl", None, seed=1)


@pytest.fixture(scope="module")
def documents_of_words():
    return [f"read the {word} number {at}. {word}" for at in range(6) for word in WORDS]


def bench(tiny, workload, progress=silent, **changes):
    setting = dataclasses.replace(SETTING, **changes)
    return run(Loaded(tiny, 12.5), workload, setting, WallClock(), progress)


@pytest.fixture(scope="module")
def result(tiny, workload):
    return bench(tiny, workload)


def test_a_run_measures_what_was_asked(result, tiny):
    assert result.complete
    assert [one.number for one in result.measured] == list(range(6))
    assert {one.times.candidates for one in result.measured} == {20}
    assert result.row("rerank_ms").summary.count == 6
    assert result.row("dense_ms") is result.row("ratio") is None
    assert [(point.depth, point.rerank_ms.count) for point in result.depth_curve] == [
        (5, 6),
        (10, 6),
    ]
    assert result.start.reranker_load_ms == 12.5
    assert result.start.cold_query.candidates == 20
    assert result.constraints.reranker == tiny.info
    assert result.used.peak_memory_bytes > 1_000_000


def test_the_stages_of_a_real_query_fit_into_it(result):
    for one in result.measured:
        times = one.times
        stages = times.tokenize_ms + times.batch_ms + times.infer_ms + times.rank_ms
        assert 0 < stages <= times.rerank_ms <= times.pipeline_ms
        assert times.pipeline_ms <= one.response_ms


def test_the_constraints_name_the_model_and_count_its_tokens(result, parity, tiny, documents):
    held = result.constraints
    assert held.reranker_bytes == (parity / "bert" / "model.safetensors").stat().st_size
    # The first 20 candidates are the same for each of the 6 queries.
    assert held.candidate_tokens.count == 120
    assert 4 < held.candidate_tokens.p50 <= held.candidate_tokens.p95
    shown = dict(facts(result))
    assert tiny.info.weights_sha256[:16] in shown["reranker"]
    assert shown["dense stage"] == "none: the candidates are fixed"
    assert "6 measured after 2 to warm up, seed 1" in shown["queries"]
    assert dict(start_lines(result))["load the reranker"] == "12.5 ms"


def test_so_few_queries_do_not_support_p95_and_p99(result):
    assert notes(result)[:2] == [
        "P95 is not supported by 6 queries: at least 20 are needed",
        "P99 is not supported by 6 queries: at least 100 are needed",
    ]
    assert "P50" in summary(result)
    assert "P95" not in summary(result)


@pytest.mark.parametrize(
    ("ratio", "words"),
    [(0.784, "1.28 times more"), (34.0, "34.0 times less"), (0.5, "2.00 times more")],
)
def test_what_takes_longer_is_not_said_to_take_less(ratio, words):
    assert compared(ratio) == words


def test_the_json_comes_back_as_the_result(result, tmp_path):
    file = tmp_path / "bench.json"
    write_result(file, result)
    assert read_result(file, BenchResult, "result") == result
    file.write_text(encode(result).replace("secondpass/bench/1", "secondpass/bench/2"))
    with pytest.raises(InputError, match="has schema 'secondpass/bench/2', expected another"):
        read_result(file, BenchResult, "result")


def test_a_file_that_cannot_be_written_is_named(result, unwritable):
    with pytest.raises(InputError, match="cannot be written"):
        write_result(unwritable / "bench.json", result)


def test_the_page_stands_alone(result):
    html = make_page(result)
    assert html.count("<svg") == 3
    assert "whole pipeline" in html
    assert "P99 is not supported by 6 queries" in html
    assert "src=" not in html
    assert "<link" not in html
    assert "INCOMPLETE" not in html


@pytest.mark.parametrize(("clients", "rate"), [(3, None), (1, 50.0), (2, 200.0)])
def test_both_loops_measure_every_query(tiny, workload, clients, rate):
    loop = "closed" if rate is None else "open"
    found = bench(
        tiny, workload, clients=clients, rate_per_second=rate, loop=loop, depths=(), queries=12
    )
    assert found.complete
    assert [one.number for one in found.measured] == list(range(12))
    assert (found.row("response_ms") is None) == (rate is None)


def interrupted_at(stage, after):
    """Return a bar that raises KeyboardInterrupt after so many advances of a stage."""

    @contextmanager
    def bar(description, total):
        left = [after]

        def advance(_):
            left[0] -= 1
            if description == stage and left[0] == 0:
                raise KeyboardInterrupt

        yield advance

    return bar


def test_an_interruption_keeps_what_is_measured_and_says_so(tiny, workload):
    found = bench(tiny, workload, interrupted_at("measuring", 3))
    assert not found.complete
    assert len(found.measured) == 3
    assert found.depth_curve == ()
    assert notes(found)[-1] == "interrupted after 3 of 6 queries"
    assert summary(found).startswith("INCOMPLETE")
    assert "INCOMPLETE" in make_page(found)


def test_an_interrupted_depth_curve_leaves_the_table_whole(tiny, workload):
    found = bench(tiny, workload, interrupted_at("depth curve", 3))
    assert not found.complete
    assert len(found.measured) == 6
    assert [point.rerank_ms.count for point in found.depth_curve] == [2, 1]
    assert notes(found)[-1] == ("the depth curve or the times from states were interrupted")


@pytest.mark.parametrize("stage", ["measuring", "depth curve"])
def test_no_query_is_asked_after_an_interruption(stage, tiny, workload, monkeypatch):
    calls, asked_until, rank = [], [], tiny.rank
    monkeypatch.setattr(tiny, "rank", lambda *given: calls.append(given) or rank(*given))

    @contextmanager
    def bar(description, total):
        def advance(_):
            if description == stage:
                asked_until.append(len(calls))
                if len(asked_until) == 2:
                    raise KeyboardInterrupt

        yield advance

    found = bench(tiny, workload, bar)
    assert not found.complete
    assert found.observed.stages == ()
    assert len(calls) == asked_until[-1]
    assert "INCOMPLETE" in make_page(found)


def test_an_interruption_before_anything_is_measured_is_one(tiny, workload):
    with pytest.raises(KeyboardInterrupt):
        bench(tiny, workload, interrupted_at("warming up", 1))


def test_what_came_out_is_kept_for_the_first_queries(result, tiny, documents_of_words):
    (stage,) = result.observed.stages
    assert (stage.stage, stage.model, stage.reranks) == ("rerank", "cross-encoder", None)
    assert len(stage.queries) == 5
    for one in stage.queries:
        hits = tiny.rank(one.query, documents_of_words[:20], top_k=None)
        assert one.ids == tuple(str(hit.index) for hit in hits)
        assert one.scores == tuple(hit.score for hit in hits)


def test_percentiles_that_are_not_supported_are_not_drawn(result):
    assert "The points are P50." in make_page(result)
