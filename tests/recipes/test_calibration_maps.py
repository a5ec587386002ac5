"""Platt scaling against closed forms and scikit-learn, calibration errors by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondpass.calibration.platt import Platt, expected_calibration_error, fit_platt
from secondpass.errors import InputError

LOGITS = [-3.1, -2.4, -2.2, -1.0, -0.7, 0.1, 0.4, 1.3, 1.9, 2.5]
RELEVANT = [0, 0, 0, 1, 0, 0, 1, 0, 1, 1]


def test_two_logits_worked_by_hand():
    """One of four is relevant at logit 0, three of four at 2.

    Four of each kind make the targets 5/6 and 1/6, their means at the two logits 1/3 and 2/3. Two
    parameters meet two means exactly: the intercept is ln(1/2), and two slopes are ln 2 more.
    """
    found = fit_platt([0, 0, 0, 0, 2, 2, 2, 2], [1, 0, 0, 0, 1, 1, 1, 0])
    assert found.slope == pytest.approx(math.log(2), abs=1e-7)
    assert found.intercept == pytest.approx(-math.log(2), abs=1e-7)
    assert found.probabilities([0, 2]) == pytest.approx([1 / 3, 2 / 3], abs=1e-7)


def test_against_scikit_learn():
    """The values are those of sklearn 1.9.1, calibration._SigmoidCalibration, its signs turned."""
    found = fit_platt(LOGITS, RELEVANT)
    assert found.slope == pytest.approx(0.516183738720818, abs=1e-6)
    assert found.intercept == pytest.approx(-0.28128280043283566, abs=1e-6)


@pytest.mark.parametrize(("scale", "shift"), [(1e-4, 0.0), (1e3, 0.0), (1.0, 50.0), (0.01, -7.0)])
def test_the_scale_of_the_logits_changes_no_probability(scale, shift):
    expected = fit_platt(LOGITS, RELEVANT).probabilities(LOGITS)
    moved = np.array(LOGITS) * scale + shift
    assert fit_platt(moved, RELEVANT).probabilities(moved) == pytest.approx(expected, abs=1e-6)


def test_what_was_drawn_is_found_again():
    generator = np.random.default_rng(7)
    logits = generator.normal(-2, 3, 40_000)
    truth = Platt(0.6, -1.5)
    relevant = generator.random(40_000) < truth.probabilities(logits)
    found = fit_platt(logits, relevant)
    # Standard errors of such a fit are near 0.01 and 0.02.
    assert found.slope == pytest.approx(0.6, abs=0.03)
    assert found.intercept == pytest.approx(-1.5, abs=0.06)
    assert expected_calibration_error(found.probabilities(logits), relevant) < 0.01
    assert expected_calibration_error(Platt(1.2, -1.5).probabilities(logits), relevant) > 0.03


@settings(deadline=None)  # the first example imports scipy
@given(st.lists(st.tuples(st.integers(-20, 20), st.booleans()), min_size=2, max_size=80))
def test_no_step_away_from_the_fit_is_better(pairs):
    """At the minimum the probabilities' mean is the targets', also weighted by the logits."""
    logits, relevant = np.array([one[0] for one in pairs], float), [one[1] for one in pairs]
    right = np.array(relevant)
    try:
        found = fit_platt(logits, relevant)
    except InputError:
        return
    targets = np.where(right, (right.sum() + 1) / (right.sum() + 2), 1 / ((~right).sum() + 2))
    errors = found.probabilities(logits) - targets
    assert np.mean(errors) == pytest.approx(0, abs=1e-6)
    assert np.mean(errors * logits) == pytest.approx(0, abs=1e-5)


def test_few_examples_that_part_cleanly_do_not_make_it_sure():
    """Plain logistic regression would go to infinity; the targets here are 2/3 and 1/3."""
    found = fit_platt([-1, 1], [False, True])
    assert found.probabilities([-1, 1]) == pytest.approx([1 / 3, 2 / 3], abs=1e-7)


@pytest.mark.parametrize(
    ("logits", "relevant", "message"),
    [
        ([1, 2], [0, 0], "0 of 2 pairs are relevant"),
        ([1, 2], [1, 1], "2 of 2 pairs are relevant"),
        ([3, 3], [0, 1], "all 2 logits are 3"),
        ([1, 2, 1, 2], [1, 0, 1, 0], "the fitted slope is -.* turn the order round"),
        ([1, math.nan], [0, 1], "1 of 2 logits are not finite"),
        ([1, 2], [0, 2], "not all 0 or 1"),
        ([1, 2], [0], r"logits have shape \[2\], the judgements \[1\]"),
        ([], [], "at least one pair"),
    ],
)
def test_what_cannot_be_fitted_is_said(logits, relevant, message):
    with pytest.raises(InputError, match=message):
        fit_platt(logits, relevant)


def test_ten_bins_of_equal_mass_worked_by_hand():
    """Twenty pairs in pairs of two: a bin's error is |mean probability - share relevant|."""
    probabilities = [at / 20 for at in range(20)]
    relevant = [0] * 10 + [1] * 10
    # Bins 0 to 4 are (4k + 1) / 40 from 0, bins 5 to 9 as far from 1 as 39 - 4k is of 40.
    bins = [(4 * k + 1) / 40 for k in range(5)] + [(39 - 4 * k) / 40 for k in range(5, 10)]
    assert expected_calibration_error(probabilities, relevant) == pytest.approx(sum(bins) / 10)


def test_two_bins_worked_by_hand():
    # (0.15 - 0) and (0.35 - 1), half of the pairs each.
    found = expected_calibration_error([0.1, 0.2, 0.3, 0.4], [0, 0, 1, 1], bins=2)
    assert found == pytest.approx((0.15 + 0.65) / 2)


def test_one_honest_probability_for_all_has_no_error():
    assert expected_calibration_error([0.25] * 8, [1, 1, 0, 0, 0, 0, 0, 0]) == 0


@settings(deadline=None)  # the first example imports scipy
@given(
    st.lists(st.tuples(st.integers(0, 10), st.booleans()), min_size=1, max_size=40),
    st.randoms(use_true_random=False),
)
def test_the_order_of_the_pairs_decides_nothing(pairs, random):
    def error(some):
        return expected_calibration_error([one[0] / 10 for one in some], [one[1] for one in some])

    shuffled = list(pairs)
    random.shuffle(shuffled)
    assert error(pairs) == pytest.approx(error(shuffled), abs=1e-12)
    assert 0 <= error(pairs) <= 1


def test_logits_are_not_probabilities():
    with pytest.raises(InputError, match=r"go from -2 to 3, expected 0 to 1"):
        expected_calibration_error([-2, 3], [0, 1])
