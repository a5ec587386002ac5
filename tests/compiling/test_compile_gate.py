"""Agreement by worked examples, and what the gate makes of it."""

import numpy as np
import pytest

from secondpass import InputError
from secondpass.compiling.agreement import measure_agreement, order_agreement
from secondpass.compiling.limits import Limits, criteria
from secondpass.compiling.result import Agreement, Quality, Speed
from secondpass.compiling.speed import ROUNDS, measure_speed
from secondpass.testing import FakeReranker

TEXTS = [f"text {position}" for position in range(12)]


def fixed(logits, ms_per_text=1.0):
    """Gives each of TEXTS the logit at its position."""
    table = dict(zip(TEXTS, logits, strict=False))
    return FakeReranker(lambda _, text: table[text], ms_per_text=ms_per_text)


def ignore(_):
    pass


def test_one_swap_in_twelve():
    """12 texts have 66 pairs; one swapped pair counts -1 instead of +1: (66 - 2) / 66."""
    exact = [float(-at) for at in range(12)]
    other = exact.copy()
    other[10], other[11] = other[11], other[10]
    found = measure_agreement(fixed(exact), fixed(other), ["q"], TEXTS, ignore)
    assert found.tau == pytest.approx(64 / 66)
    assert found.top10_tau == 1.0
    assert found.top10_shared == 1.0
    assert found.largest_difference == 1.0


def test_a_swap_over_the_edge_of_the_top_ten():
    """Places 9 and 10 (from 0) change: over fp32's ten best nothing is swapped, one is lost."""
    exact = [float(-at) for at in range(12)]
    other = exact.copy()
    other[9], other[10] = other[10], other[9]
    found = measure_agreement(fixed(exact), fixed(other), ["q"], TEXTS, ignore)
    assert found.top10_tau == 1.0
    assert found.top10_shared == 0.9


def test_a_swap_within_the_top_ten():
    """10 texts have 45 pairs: (45 - 2) / 45."""
    exact = [float(-at) for at in range(12)]
    other = exact.copy()
    other[0], other[1] = other[1], other[0]
    found = measure_agreement(fixed(exact), fixed(other), ["a", "b"], TEXTS, ignore)
    assert found.top10_tau == pytest.approx(43 / 45)
    assert found.queries == 2


def test_ties_count_as_tau_b():
    """(1,1,2) against (1,2,3): 2 agreeing pairs, one tied; 2 / sqrt(2 * 3)."""
    one, other = np.array([1, 1, 2], np.float32), np.array([1, 2, 3], np.float32)
    assert order_agreement(one, other) == pytest.approx(2 / 6**0.5)


def test_scores_that_are_all_the_same_agree_with_nothing():
    flat, spread = np.zeros(5, np.float32), np.arange(5, dtype=np.float32)
    assert order_agreement(spread, flat) == 0.0
    assert order_agreement(flat, flat) == 0.0


def test_speed_is_the_ratio_of_medians_of_turns():
    fp32, int8, auto = fixed([0.0], 30.0), fixed([0.0], 10.0), fixed([0.0], 20.0)
    found = measure_speed(fp32, int8, auto, "q", TEXTS[:1], ignore)
    assert (found.fp32_ms, found.int8_ms, found.auto_ms) == (30.0, 10.0, 20.0)
    assert (found.speedup, found.speedup_over_fp32) == (2.0, 3.0)
    assert {len(model.calls) for model in (fp32, int8, auto)} == {ROUNDS}


def test_where_auto_is_fp32_the_speed_is_over_that():
    fp32, int8 = fixed([0.0], 30.0), fixed([0.0], 10.0)
    found = measure_speed(fp32, int8, None, "q", TEXTS[:1], ignore)
    assert found.auto_ms is None
    assert (found.speedup, found.speedup_over_fp32) == (3.0, 3.0)


@pytest.mark.parametrize(
    ("fp32_ms", "auto_ms", "met"),
    [(24.0, 8.0, False), (24.0, 12.0, True), (8.0, None, False), (12.0, None, True)],
)
def test_the_gate_compares_with_what_one_has(fp32_ms, auto_ms, met):
    """int8 takes 10 ms: 2.4 times as fast as fp32 is no gain where 'auto' takes 8 ms."""
    auto = None if auto_ms is None else fixed([0.0], auto_ms)
    speed = measure_speed(fixed([0.0], fp32_ms), fixed([0.0], 10.0), auto, "q", TEXTS[:1], ignore)
    agreement, _, _ = made()
    (found,) = (one for one in criteria(Limits(), agreement, None, speed) if "speed" in one.what)
    assert found.met == met
    assert "'auto'" in found.way_out
    if auto_ms is not None:
        assert "'auto'" in found.what
        assert f"{auto_ms:.1f} ms at 'auto' and {fp32_ms:.1f} ms at fp32" in found.way_out


def made(tau=0.95, top=0.9, fp32=0.5, int8=0.5, speedup=2.0):
    return (
        Agreement(20, 50, tau, tau, top, top, 1.0, 0.1),
        Quality("scifact", "0" * 64, 10, 100, "nDCG@10", fp32, int8, None, None),
        Speed(11, 50, 20.0, 10.0, None, speedup, speedup),
    )


@pytest.mark.parametrize(
    ("worse", "name"),
    [
        ({"tau": 0.89}, "Kendall tau over all texts"),
        ({"top": 0.69}, "Kendall tau over the top 10"),
        ({"int8": 0.485}, "nDCG@10 on scifact, int8 minus fp32"),
        ({"speedup": 0.99}, "speed, int8 over fp32"),
        ({"tau": float("nan")}, "Kendall tau over all texts"),
    ],
)
def test_each_limit_refuses_by_itself(worse, name):
    assert all(one.met for one in criteria(Limits(), *made()))
    refused = [one for one in criteria(Limits(), *made(**worse)) if not one.met]
    assert [one.what for one in refused] == [name]
    assert "--" in refused[0].way_out


def test_a_limit_that_is_just_met_is_met():
    found = criteria(Limits(tau=0.95, top10_tau=0.9, speedup=2.0), *made())
    assert all(one.met for one in found)


def test_without_a_collection_quality_decides_nothing():
    agreement, _, speed = made(int8=0.0)
    assert all(one.met for one in criteria(Limits(), agreement, None, speed))


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"tau": 1.1}, "tau is 1.1, expected a number from -1 to 1"),
        ({"quality_loss": -0.1}, "quality_loss is -0.1"),
        ({"speedup": float("nan")}, "speedup is nan"),
        ({"top10_tau": "high"}, "top10_tau is 'high'"),
    ],
)
def test_limits_are_checked_before_the_work(limits, message):
    with pytest.raises(InputError, match=message):
        Limits(**limits)
