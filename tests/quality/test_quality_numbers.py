"""Intervals and tau, each against a worked example or a reference."""

import numpy as np
import pytest

from benchmarks.quality.gate import mean_tau, tau
from benchmarks.quality.statistics import mean_interval, mean_of_means


def test_a_small_collection_counts_as_much_as_a_large_one():
    assert mean_of_means([np.zeros(100), np.array([1.0])]) == 0.5


def test_the_interval_is_that_of_the_normal_theory_for_many_queries():
    chance = np.random.default_rng(3)
    samples = [chance.normal(0.5, 0.1, 400), chance.normal(0.1, 0.2, 100)]
    low, high = mean_interval(samples, seed=5)
    deviation = np.sqrt(sum(one.var() / one.size for one in samples)) / 2
    assert low == pytest.approx(mean_of_means(samples) - 1.96 * deviation, abs=0.0015)
    assert high == pytest.approx(mean_of_means(samples) + 1.96 * deviation, abs=0.0015)


def test_a_seed_gives_the_same_interval_and_one_query_none():
    sample = np.array([0.1, 0.5, 0.9])
    assert mean_interval([sample], seed=2) == mean_interval([sample], seed=2)
    assert mean_interval([np.array([0.25])], seed=2) == (0.25, 0.25)


def test_tau_of_worked_examples():
    ascending = np.array([1.0, 2.0, 3.0, 4.0])
    assert tau(ascending, ascending * 10) == pytest.approx(1.0)
    assert tau(ascending, -ascending) == pytest.approx(-1.0)
    # One of six pairs is turned round: (5 - 1) / 6.
    assert tau(ascending, np.array([1.0, 2.0, 4.0, 3.0])) == pytest.approx(4 / 6)


def test_tau_over_the_top_looks_at_the_first_lists_best():
    one, other = np.array([4.0, 3.0, 2.0, 1.0]), np.array([9.0, 8.0, 1.0, 5.0])
    assert tau(one, other, top=2) == pytest.approx(1.0)
    assert tau(one, other) == pytest.approx(4 / 6)


def test_queries_without_a_tau_are_left_out_of_the_mean():
    one = {"q1": np.array([1.0, 2.0]), "q2": np.array([1.0]), "q3": np.array([1.0, 2.0])}
    other = {"q1": np.array([2.0, 1.0]), "q2": np.array([1.0])}
    assert mean_tau(one, other) == pytest.approx(-1.0)
    assert mean_tau({"q": np.array([1.0])}, {"q": np.array([1.0])}) is None
