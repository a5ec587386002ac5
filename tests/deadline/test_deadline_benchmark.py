"""The figures of the deadline benchmark, from calls made up here."""

import numpy as np
import pytest

from benchmarks.deadline.calls import timed
from benchmarks.deadline.curve import _point
from benchmarks.deadline.markdown import mean_at, page
from benchmarks.deadline.picture import draw
from benchmarks.deadline.result import Point, Result
from benchmarks.run import write
from secondpass.environment.machine import Machine
from secondpass.environment.software import Software
from secondpass.result_file import read_result
from secondpass.types import ModelInfo

MODEL = ModelInfo("m", None, "bert", "0", "0", "int8", "bf16", "none", "cpu", 2, 512, "none")


def test_p99_is_the_call_that_one_in_a_hundred_exceeds():
    """Of 1,000 calls the 990th is the P99: ten are later than it."""
    overruns = np.concatenate([np.full(985, -1.0), np.full(5, 4.0), np.full(10, 90.0)])
    shares = np.where(np.arange(1000) < 10, 0.0, 0.5)
    one = timed(overruns, shares, load="idle", budget_ms=20.0)
    assert (one.p50_overrun_ms, one.p99_overrun_ms, one.worst_overrun_ms) == (-1.0, 4.0, 90.0)
    assert one.holds
    assert one.unread_calls == 10
    assert one.share_read == pytest.approx(0.495)


@pytest.mark.parametrize(("budget_ms", "allowed"), [(20, 5), (50, 5), (100, 10), (200, 20)])
def test_a_tenth_or_5_ms_is_allowed(budget_ms, allowed):
    late = timed(np.full(9, allowed + 0.1), np.ones(9), load="busy", budget_ms=budget_ms)
    assert late.allowed_ms == pytest.approx(allowed)
    assert not late.holds


def test_a_point_compares_with_the_first_stage_query_by_query():
    class Task:
        name = "toy"

    point = _point(Task, 50.0, np.array([0.5, 1.0]), np.array([0.4, 0.5]), 0.25)
    assert point.ndcg == pytest.approx(0.75)
    # Gains 0.1 and 0.5: mean 0.3, standard deviation 0.2 * sqrt(2), over sqrt(2).
    assert (point.difference, point.standard_error) == (pytest.approx(0.3), pytest.approx(0.2))


def test_written_read_shown_and_drawn(tmp_path):
    curve = tuple(
        Point(name, budget, 3, ndcg, 0.0, 0.0, 0.5)
        for name, values in {"a": (0.2, 0.4, 0.6), "b": (0.4, 0.5, 0.5)}.items()
        for budget, ndcg in zip((0.0, 50.0, None), values, strict=True)
    )
    result = Result(
        created="now",
        command="python -m benchmarks.deadline",
        machine=Machine("x", (), 2, 2, 1, 1, "Linux", "x86_64"),
        software=Software("3.11", "CPython"),
        model=MODEL,
        depth=100,
        spinners=2,
        timed=(timed(np.full(9, 7.0), np.ones(9), load="busy", budget_ms=20.0),),
        curve=curve,
    )
    write(result, tmp_path / "deep" / "result.json")
    assert read_result(tmp_path / "deep" / "result.json", Result, "result") == result
    shown = page(result)
    assert "| busy | 20 | 9 | +7.0 | +7.0 | 5 | NO | +7.0 | 100% | 0 |" in shown
    assert "| nDCG@10 | queries | first stage | 50 ms | no limit |" in shown
    assert "| mean | | 0.300 | 0.450 | 0.550 |" in shown
    assert mean_at(curve, None) == pytest.approx(0.55)
    axes = draw(result).axes[0]
    assert list(axes.lines[-1].get_ydata()) == pytest.approx([0.3, 0.45, 0.55])
