"""Bench shows what each effort takes from states that candidates bring or are given."""

from __future__ import annotations

import json

import pytest
from exit_models import with_exits

from secondpass import CrossEncoderReranker
from secondpass.bench.clock import WallClock
from secondpass.bench.efforts import EffortCurve, states_are_there
from secondpass.bench.report import effort_rows, make_page
from secondpass.bench.result import BenchResult, Setting
from secondpass.bench.run import run
from secondpass.bench.stages import FixedCandidates
from secondpass.bench.workload import Loaded, candidates_workload
from secondpass.progress import silent
from secondpass.result_file import decode, encode

TEXTS = [f"read the csv file number {at}" for at in range(12)]
QUERIES = ["csv", "a file", "csv"]


@pytest.fixture(scope="module")
def reranker(late_join, tmp_path_factory):
    folder = with_exits(late_join, tmp_path_factory.mktemp("bench") / "m")
    with CrossEncoderReranker(folder, 64, precision="fp32", threads=2) as reranker:
        yield reranker


def bench(reranker, texts, states):
    setting = Setting(5, 3, 4, 1, "closed", 1, None, (), 1, "secondpass bench", states)
    workload = candidates_workload(texts, "c.jsonl", None, seed=1)
    return run(Loaded(reranker, 1.0), workload, setting, WallClock(), silent)


def test_a_run_with_states_shows_each_effort(reranker):
    result = bench(reranker, TEXTS, "int8")
    found = [(one.effort, one.candidates, one.from_states) for one in result.from_states]
    assert found == [(effort, 5, 5) for effort in ("instant", "balanced", "full")]
    assert [one.rerank_ms.count for one in result.from_states] == [4] * 3
    assert effort_rows(result)[0][:3] == ["instant", "5", "5"]
    assert "From states" in make_page(result)
    assert decode(encode(result).encode(), BenchResult, "result") == result


def test_without_states_there_is_no_such_table(reranker):
    result = bench(reranker, TEXTS, None)
    assert result.from_states == ()
    assert "From states" not in make_page(result)
    older = json.loads(encode(result))
    del older["from_states"], older["setting"]["states"]
    assert decode(json.dumps(older).encode(), BenchResult, "result") == result


@pytest.mark.parametrize(
    ("kept", "there"), [(None, False), ("int8", True), ("float16", True), ("of another", False)]
)
def test_candidates_that_bring_states_of_the_model_are_seen(reranker, late_join, kept, there):
    maker = reranker
    if kept == "of another":
        maker, kept = CrossEncoderReranker(), "int8"
    texts = TEXTS if kept is None else maker.passages(TEXTS, kept)
    assert states_are_there(FixedCandidates(texts), reranker, "csv") is there


def test_efforts_that_a_model_has_not_are_left_out(late_join):
    with CrossEncoderReranker(late_join, 64, precision="fp32", threads=2) as plain:
        curve = EffortCurve(FixedCandidates(TEXTS), plain, 4, WallClock(), "int8")
        curve.measure(QUERIES, lambda _: None)
        assert [one.effort for one in curve.points(seed=1)] == ["full"]
        assert EffortCurve(FixedCandidates([]), plain, 4, WallClock(), None).points(seed=1) == ()
