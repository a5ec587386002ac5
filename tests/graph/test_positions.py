"""Positions of each kind, against values worked out by hand."""

import numpy as np
import pytest

from secondpass.graph.jina_bert import alibi_slopes
from secondpass.graph.mpnet import relative_buckets
from secondpass.graph.rotary import frequencies, ntk_frequencies


def test_rotary_frequencies_fall_from_one_by_the_base():
    assert frequencies(10_000.0, 4).tolist() == pytest.approx([1.0, 0.01])


def test_ntk_spreads_the_base_and_slows_every_pair():
    # Base 2 * 8 = 16 over two pairs: 1 and 1/4, each over 8 ** (2 / 4).
    assert ntk_frequencies(2.0, 4, 8.0).tolist() == pytest.approx([8**-0.5, 8**-0.5 / 4])


def test_mixed_ntk_slows_the_last_pair_by_the_whole_factor():
    # Pairs 1 and 2 of 2 with exponent 1: over 8 ** 0.5 and over 8.
    assert ntk_frequencies(4.0, 4, 8.0, 1.0).tolist() == pytest.approx([8**-0.5, 0.5 / 8])


def test_slopes_are_a_series_and_of_other_counts_are_taken_from_the_next_one():
    assert alibi_slopes(4).tolist() == [1 / 4, 1 / 16, 1 / 64, 1 / 256]
    # Twelve heads: those of eight, and every other one of sixteen.
    eight = [2.0**-power for power in range(1, 9)]
    sixteen = [2.0 ** -(0.5 + step) for step in range(4)]
    assert alibi_slopes(12).tolist() == pytest.approx([*eight, *sixteen])


def test_relative_positions_share_buckets_with_distance():
    apart = np.array([0, -1, -7, -8, -127, -500, 1, 7, 8, 127])
    assert relative_buckets(apart, 32).tolist() == [0, 1, 7, 8, 15, 15, 17, 23, 24, 31]
