"""The cost's fit against costs that are known, and its inverse."""

import numpy as np
import pytest

from secondpass.cost.line import Cost, Point, fit

# 5 ms a call, 0.1 ms a candidate, 0.02 ms a token, 0.00005 ms a token and length.
TRUE = Cost(5.0, 0.1, 0.02, 0.00005, spread=1.0)
GRID = [(candidates, length) for candidates in (2, 10, 60) for length in (48, 112, 240, 464)]


def points(noise=0.0, repeats=1, seed=1):
    chance = np.random.default_rng(seed)
    return [
        Point(candidates, length, TRUE.p50_ms(candidates, length) * (1 + noise * chance.random()))
        for _ in range(repeats)
        for candidates, length in GRID
    ]


def test_a_prediction_is_what_a_hand_computes():
    # 5 + 10 * (0.1 + 0.02 * 112 + 0.00005 * 112 * 112) = 5 + 10 * 2.9672
    assert TRUE.p50_ms(10, 112) == pytest.approx(34.672)
    assert Cost(5.0, 0.1, 0.02, 0.00005, spread=1.5).p95_ms(10, 112) == pytest.approx(52.008)


def test_lengths_are_padded_as_the_engine_pads_them():
    assert TRUE.p50_ms(10, 97) == TRUE.p50_ms(10, 112)
    assert TRUE.p50_ms(10, 96) < TRUE.p50_ms(10, 97)


def test_the_fit_finds_the_cost_that_made_the_measurements():
    found = fit(points())
    assert found.call_ms == pytest.approx(5.0)
    assert found.candidate_ms == pytest.approx(0.1, rel=1e-3)
    assert found.token_ms == pytest.approx(0.02, rel=1e-3)
    assert found.attention_ms == pytest.approx(0.00005, rel=1e-3)
    assert found.spread == pytest.approx(1.0)


def test_the_spread_is_how_far_the_slowest_twentieth_of_repeats_are_above_their_median():
    # Each setting is measured 19 times at 10 ms and once at 20 ms: P95 is still 10 ms; with two
    # of twenty slow it is 20.
    def measured(slow):
        each = [10.0] * (20 - slow) + [20.0] * slow
        return [Point(1, length, ms) for length in (16, 32) for ms in each]

    assert fit(measured(1)).spread == pytest.approx(1.0)
    assert fit(measured(2)).spread == pytest.approx(2.0)


def test_the_error_of_the_fit_is_no_part_of_the_spread():
    # No cost fits times that go up and down with the length, but each is measured without noise.
    uneven = [Point(1, 16 * (at + 1), ms) for at, ms in enumerate([10, 30, 10, 30, 10, 30])]
    found = fit(uneven * 20)
    assert max(one.ms / found.p50_ms(1, one.length) for one in uneven) > 1.2
    assert found.spread == 1.0


def test_a_slow_moment_in_one_setting_does_not_move_the_spread():
    # Two settings repeat with a P95 1.5 times their median, and the third with ten times.
    def repeated(length, slow_ms):
        return [Point(1, length, ms) for ms in [10.0] * 18 + [slow_ms] * 2]

    assert fit([*repeated(16, 15.0), *repeated(32, 15.0), *repeated(48, 100.0)]).spread == 1.5


def test_no_coefficient_is_below_zero():
    # Times that fall with the length fit a slope below zero best.
    found = fit([Point(1, length, 100 - length / 10) for length in (16, 160, 320, 480)])
    assert min(found.call_ms, found.candidate_ms, found.token_ms, found.attention_ms) >= 0


def test_noise_moves_a_prediction_little():
    found = fit(points(noise=0.1, repeats=5))
    for candidates, length in [(5, 64), (30, 180), (100, 250)]:
        true = TRUE.p50_ms(candidates, length) * 1.05
        assert found.p50_ms(candidates, length) == pytest.approx(true, rel=0.04)


@pytest.mark.parametrize(("candidates", "length"), [(1, 16), (37, 240), (200, 512)])
def test_the_depth_within_a_target_is_the_inverse_of_the_p95(candidates, length):
    cost = Cost(5.0, 0.1, 0.02, 0.00005, spread=1.3)
    target = cost.p95_ms(candidates, length)
    assert cost.depth_within(target * 1.0001, length) == candidates
    assert cost.depth_within(target * 0.9999, length) == candidates - 1
    assert cost.depth_within(1.0, length) == 0
