"""Which example is drawn when, and which of its negatives."""

import math
from collections import Counter
from pathlib import Path

import pytest

from secondpass import InputError
from secondpass.training.examples import Example, TrainingSet
from secondpass.training.mining import Mined
from secondpass.training.mixture import Mixture
from secondpass.training.sampling import Draws, probabilities, some_of


def test_temperature_by_hand():
    assert probabilities([900, 100], 1) == pytest.approx([0.9, 0.1])
    # Square roots: 30 and 10.
    assert probabilities([900, 100], 2) == pytest.approx([0.75, 0.25])
    assert probabilities([900, 100], 1e9) == pytest.approx([0.5, 0.5])


def test_sources_are_drawn_as_often_as_they_should():
    draws = Draws({"large": 900, "small": 100}, temperature=2, seed=3)
    count = 20_000
    large = sum(draws[number].source == "large" for number in range(count))
    # Five standard deviations of a binomial share.
    assert abs(large / count - 0.75) < 5 * math.sqrt(0.75 * 0.25 / count)


def test_no_row_comes_twice_before_all_came_once():
    draws = Draws({"one": 7}, temperature=1, seed=0)
    for epoch in range(3):
        assert sorted(draws[7 * epoch + at].row for at in range(7)) == list(range(7))
    assert [draws[at].row for at in range(7)] != [draws[7 + at].row for at in range(7)]


def test_the_seed_alone_decides_whatever_was_asked_before():
    sizes = {"a": 5, "b": 50}
    in_order = Draws(sizes, temperature=2, seed=1)
    expected = [in_order[number] for number in range(6000)]
    assert Draws(sizes, temperature=2, seed=1)[5999] == expected[5999]
    assert [Draws(sizes, temperature=2, seed=2)[at] for at in range(20)] != expected[:20]


def test_negatives_are_chosen_evenly_and_without_repeat():
    chosen = [some_of([4, 5, 6, 7], 2, seed=0, number=number) for number in range(4000)]
    assert all(len(set(one)) == 2 for one in chosen)
    counts = Counter(row for one in chosen for row in one)
    assert all(abs(counts[row] / 4000 - 0.5) < 5 * math.sqrt(0.25 / 4000) for row in (4, 5, 6, 7))
    assert some_of([4, 5], 2, seed=0, number=1) == [4, 5]


def test_an_example_without_negatives_is_left_out():
    examples = (Example("q", 0, (), "a"), Example("r", 1, (), "b"))
    one = TrainingSet("set", Path("set"), "0" * 64, "", ("x", "y", "z"), examples)
    mixed = Mixture([one], [Mined(((2, 1), ()), 0)], negatives=5, temperature=1, seed=0)
    assert mixed.sizes == {"a": 1}
    group = mixed[0]
    assert (group.query, group.positive, group.negatives, group.source) == (
        "q",
        "x",
        ("z", "y"),
        "a",
    )
    with pytest.raises(InputError, match="nothing to learn from"):
        Mixture([one], [Mined(((), ()), 0)], negatives=5, temperature=1, seed=0)
