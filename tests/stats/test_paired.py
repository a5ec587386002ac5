import numpy as np
import pytest

from secondpass import InputError
from secondpass.stats.paired import holm, paired_difference


def test_holm_worked_by_hand():
    # Sorted: 0.005 * 4 = 0.02, 0.01 * 3 = 0.03, 0.03 * 2 = 0.06, then 0.04 * 1, raised to 0.06.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_keeps_one_value_and_never_passes_one():
    assert holm([0.03]) == [0.03]
    assert holm([0.6, 0.5]) == [1.0, 1.0]
    assert holm([]) == []


def test_p_value_of_all_label_swaps_worked_by_hand():
    # 2^3 ways to swap; only "none" and "all" give a mean as large as 2 or as small as -2.
    assert paired_difference([0, 0, 0], [1, 2, 3], seed=0).p_value == pytest.approx(2 / 8)
    # Differences 1, 2, -3: sums of (±1 ±2 ±3) are all at least as far from 0 as their own, 0.
    assert paired_difference([0, 0, 3], [1, 2, 0], seed=0).p_value == 1.0
    # 1, 1, -1, 1 has the sum 2; by swaps: 4 and -4 once, 2 and -2 four times, 0 six times.
    assert paired_difference([0, 0, 1, 0], [1, 1, 0, 1], seed=0).p_value == pytest.approx(10 / 16)


def test_the_smallest_p_that_sampling_can_show():
    # 2^30 ways are too many: 9,999 are drawn, none is as large, and one is added on both sides.
    found = paired_difference(np.zeros(30), np.linspace(0.1, 0.9, 30), seed=1)
    assert found.p_value == pytest.approx(2 / 10_000)


def test_interval_of_a_large_sample_is_the_normal_one():
    difference = np.random.default_rng(5).normal(0.1, 0.3, 900)
    found = paired_difference(np.zeros(900), difference, seed=2)
    half = 1.96 * difference.std(ddof=1) / 30
    assert found.mean == pytest.approx(difference.mean())
    assert found.low == pytest.approx(found.mean - half, abs=0.05 * half)
    assert found.high == pytest.approx(found.mean + half, abs=0.05 * half)


def test_higher_lower_and_equal_are_counted():
    found = paired_difference([0.1, 0.5, 0.3, 0.3], [0.2, 0.4, 0.3 + 1e-12, 0.9], seed=0)
    assert (found.higher, found.lower, found.equal) == (2, 1, 1)


def test_the_seed_decides():
    values = np.random.default_rng(0).normal(size=(2, 40))
    first, again, other = (paired_difference(*values, seed=seed) for seed in (3, 3, 4))
    assert first == again
    assert first != other
    assert first.low == pytest.approx(other.low, abs=0.1)


def test_no_difference_anywhere_is_an_interval_of_zero_and_p_one():
    found = paired_difference([0.2, 0.7], [0.2, 0.7], seed=0)
    assert (found.mean, found.low, found.high, found.p_value) == (0.0, 0.0, 0.0, 1.0)


def test_one_pair_has_no_interval():
    found = paired_difference([0.0], [1.0], seed=0)
    assert (found.low, found.high, found.p_value) == (None, None, 1.0)


@pytest.mark.parametrize(("before", "after"), [([], []), ([1.0], [1.0, 2.0])])
def test_lists_that_are_no_pairs(before, after):
    with pytest.raises(InputError, match="in pairs"):
        paired_difference(before, after, seed=0)
