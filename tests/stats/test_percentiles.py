"""Percentiles against numpy, worked examples and what is known of a sample of the normal."""

import numpy as np
import pytest

from secondpass import InputError
from secondpass.stats.percentiles import (
    needed,
    percentile,
    summarize,
    summarize_ratio,
    unsupported,
)

ONE_TO_HUNDRED = [float(value) for value in range(100, 0, -1)]


def test_percentiles_of_one_to_a_hundred_are_what_a_hand_counts():
    summary = summarize(ONE_TO_HUNDRED, seed=1)
    assert (summary.p50.value, summary.p95.value, summary.p99.value) == (50, 95, 99)
    assert summary.mean.value == 50.5
    assert summary.count == 100


def test_a_percentile_is_a_measured_value_and_numpys():
    values = np.random.default_rng(3).gamma(2.0, 30.0, 317)
    for percent in (50, 95, 99):
        found = percentile(values, percent)
        assert found in values
        assert found == np.quantile(values, percent / 100, method="inverted_cdf")
        assert np.mean(values <= found) >= percent / 100 > np.mean(values < found)


def test_the_order_of_the_sample_does_not_matter():
    shuffled = list(ONE_TO_HUNDRED)
    np.random.default_rng(0).shuffle(shuffled)
    assert summarize(shuffled, seed=1).p95.value == 95


@pytest.mark.parametrize(("percent", "least"), [(50, 2), (95, 20), (99, 100)])
def test_a_percentile_needs_a_sample_in_which_it_is_not_the_maximum(percent, least):
    assert needed(percent) == least
    assert percentile(range(least), percent) < least - 1
    assert percentile(range(least - 1), percent) == least - 2
    assert unsupported(percent, least) == ""
    assert unsupported(percent, least - 1) == (
        f"P{percent} is not supported by {least - 1} queries: at least {least} are needed"
    )


def test_what_is_not_supported_is_none_not_a_number():
    summary = summarize(ONE_TO_HUNDRED[:99], seed=1)
    assert summary.p99 is None
    assert summary.p95 is not None
    assert summarize([7.0], seed=1).p50 is None


def test_a_sample_of_one_has_a_mean_without_an_interval():
    mean = summarize([7.0], seed=1).mean
    assert (mean.value, mean.low, mean.high) == (7.0, None, None)


def test_intervals_come_from_the_seed():
    assert summarize(ONE_TO_HUNDRED, seed=1) == summarize(ONE_TO_HUNDRED, seed=1)
    assert summarize(ONE_TO_HUNDRED, seed=1).mean != summarize(ONE_TO_HUNDRED, seed=2).mean


def test_the_interval_of_a_mean_is_as_wide_as_the_normal_says():
    values = np.random.default_rng(5).normal(100, 10, 400)
    mean = summarize(values, seed=1).mean
    standard_error = values.std() / np.sqrt(400)
    assert mean.low == pytest.approx(values.mean() - 1.96 * standard_error, abs=0.15)
    assert mean.high == pytest.approx(values.mean() + 1.96 * standard_error, abs=0.15)


def test_the_interval_of_a_percentile_covers_the_truth_about_95_times_in_100():
    truth = -np.log(0.5)  # the median of the exponential
    chance = np.random.default_rng(9)
    covered = 0
    for trial in range(60):
        median = summarize(chance.exponential(1.0, 60), seed=trial).p50
        covered += median.low <= truth <= median.high
    # 57 are expected with a standard deviation of 1.7.
    assert covered >= 50


def test_equal_values_have_an_interval_of_no_width():
    summary = summarize([4.0] * 120, seed=1)
    for estimate in (summary.mean, summary.p50, summary.p95, summary.p99):
        assert (estimate.value, estimate.low, estimate.high) == (4, 4, 4)


def test_a_ratio_is_that_of_the_statistics():
    ratio = summarize_ratio([10 * value for value in ONE_TO_HUNDRED], ONE_TO_HUNDRED, seed=1)
    # A pair's ratio is always 10, so resampling pairs together cannot move it.
    for estimate in (ratio.mean, ratio.p50, ratio.p95, ratio.p99):
        assert estimate.value == pytest.approx(10)
        assert estimate.low == pytest.approx(10)
        assert estimate.high == pytest.approx(10)


def test_a_ratio_of_percentiles_is_not_the_percentile_of_ratios():
    # P50 of (1, 8, 9) is 8, of (4, 2, 3) is 3; the ratios' own median would be 3.
    assert summarize_ratio([1, 8, 9], [4, 2, 3], seed=1).p50.value == pytest.approx(8 / 3)


def test_a_sample_that_is_no_sample_is_an_error():
    with pytest.raises(InputError, match="at least 1"):
        summarize([], seed=1)
    with pytest.raises(InputError, match="2 and 1"):
        summarize_ratio([1.0, 2.0], [1.0], seed=1)
