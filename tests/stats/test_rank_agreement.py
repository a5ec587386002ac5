"""Kendall's tau of examples worked by hand."""

import numpy as np
import pytest

from secondpass.stats.rank_agreement import kendall_tau


def test_pairs_that_agree_less_those_that_do_not():
    # One of six pairs is turned round: (5 - 1) / 6.
    assert kendall_tau([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 4.0, 3.0]) == pytest.approx(4 / 6)
    assert kendall_tau([1.0, 2.0], [7.0, 3.0]) == -1.0


def test_the_same_order_is_exactly_one():
    numbers = np.random.default_rng(0).normal(size=40).astype(np.float32)
    assert kendall_tau(numbers, numbers * 2) == 1.0


def test_ties_count_as_tau_b():
    # (1, 1, 2) against (1, 2, 3): two pairs agree, one is tied; 2 / sqrt(2 * 3).
    assert kendall_tau([1.0, 1.0, 2.0], [1.0, 2.0, 3.0]) == pytest.approx(2 / 6**0.5)


@pytest.mark.parametrize(("one", "other"), [([], []), ([1.0], [2.0]), ([1.0, 2.0], [3.0, 3.0])])
def test_what_orders_nothing_has_no_tau(one, other):
    assert kendall_tau(one, other) is None
