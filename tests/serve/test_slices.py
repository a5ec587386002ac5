from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from serve_fakes import Clock

from secondpass.cost.line import Cost
from secondpass.cost.text_cost import TextCost
from secondpass.deadline.budget import Budget
from secondpass.deadline.cached_texts import CachedTexts
from secondpass.serve.pace import Pacing
from secondpass.serve.slices import FINISH_MS, InTime, LikeLengths, WholeBlocks, texts_ms

# A token a byte, a millisecond a token.
COST = TextCost(Cost(0.0, 0.0, 1.0, 0.0), 0.0, 1.0, max_length=1000, streams=1)


def taken(slices, most_ms, wait_ms=0.0):
    parts = []
    while not slices.ended:
        positions, ms = slices.take(most_ms, wait_ms)
        parts.append((positions.tolist(), ms))
    return parts


@given(
    st.lists(st.floats(0.0, 100.0), max_size=40),
    st.floats(0.1, 200.0),
    st.integers(1, 20),
    st.sampled_from([LikeLengths, WholeBlocks]),
)
def test_every_text_is_taken_once_and_takes_what_it_takes(each, most_ms, most, kind):
    slices = kind(np.array(each, float), most)
    assert slices.left_ms == pytest.approx(sum(each))
    parts = taken(slices, most_ms)
    assert sorted(at for positions, _ in parts for at in positions) == list(range(len(each)))
    assert all(0 < len(positions) <= most for positions, _ in parts)
    assert sum(ms for _, ms in parts) == pytest.approx(sum(each))
    assert slices.left_ms == 0


@given(st.lists(st.floats(1.0, 100.0), min_size=1, max_size=40), st.floats(1.0, 300.0))
def test_a_part_takes_no_longer_than_it_may_unless_it_is_one_text(each, most_ms):
    for positions, ms in taken(LikeLengths(np.array(each), 1000), most_ms):
        assert ms <= most_ms * (1 + 1e-9) or len(positions) == 1


def test_the_longest_are_first_and_equal_ones_in_their_order():
    slices = LikeLengths(np.array([1.0, 5.0, 3.0, 5.0]), 1000)
    assert taken(slices, 10.0) == [([1, 3], 10.0), ([2, 0], 4.0)]


def test_blocks_are_the_librarys_own_whatever_they_take():
    slices = WholeBlocks(np.full(5, 100.0), 2)
    assert [positions for positions, _ in taken(slices, 1.0)] == [[0, 1], [2, 3], [4]]


def in_time(texts, budget_ms, now, known=None):
    pacing = Pacing(now)
    # Many blocks just as long as predicted: the margin is nothing.
    for _ in range(200):
        begun = now()
        now.advance(100.0)
        pacing.observe(100.0, begun, efforts={"full"}, cached=False)
    return InTime(
        texts_ms(COST, "", texts),
        1000,
        texts=CachedTexts(known, "", texts),
        cost=COST,
        pacing=pacing,
        effort="full",
        budget=Budget.start(budget_ms + FINISH_MS, now),
    )


def test_the_first_texts_are_taken_until_there_is_no_time():
    now = Clock()
    slices = in_time(["a" * 100] * 10, 450.0, now)
    first, ms = slices.take(1e9, 0.0)
    # A block takes at most half of what is left.
    assert (first.tolist(), ms) == ([0, 1], 200.0)
    now.advance(200.0)
    assert slices.take(1e9, 0.0)[0].tolist() == [2]
    now.advance(100.0)
    assert slices.take(1e9, 0.0)[0].tolist() == [3]
    now.advance(100.0)
    assert slices.take(1e9, 0.0)[0].tolist() == []
    assert slices.ended
    assert slices.left_ms == 0


def test_the_wait_for_others_is_no_time_for_its_texts():
    slices = in_time(["a" * 100] * 10, 450.0, Clock())
    assert slices.take(1e9, 400.0)[0].tolist() == []
    slices = in_time(["a" * 100] * 10, 450.0, Clock())
    assert slices.take(1e9, 300.0)[0].tolist() == [0]


def test_a_part_leaves_room_for_others():
    slices = in_time(["a" * 100] * 10, 1e6, Clock())
    assert slices.take(300.0, 0.0)[0].tolist() == [0, 1, 2]


def test_what_a_cache_knows_takes_next_to_no_time():
    known = []

    def find(query, texts):
        known.extend(texts)
        return [text[0] == "k" for text in texts]

    slices = in_time(["k" * 100] * 8 + ["a" * 100] * 2, 150.0, Clock(), find)
    assert slices.take(1e9, 0.0)[0].tolist() == list(range(8))
    assert len(known) == 10


def believed_slow(texts, budget_ms, now):
    """A request where the machine is believed to be a thousand times slower than it is."""
    slices = in_time(texts, budget_ms, now)
    for _ in range(60):
        begun = now()
        now.advance(100_000.0)
        slices._pacing.observe(100.0, begun, efforts={"full"}, cached=False)
    slices._budget = Budget.start(budget_ms + FINISH_MS, now)
    return slices


@pytest.mark.parametrize("budget_ms", [100.0, 450.0, 10_000.0])
def test_one_text_is_tried_where_nobody_waits_for_it(budget_ms):
    slices = believed_slow(["a" * 100] * 10, budget_ms, Clock())
    assert slices.take(1e9, 0.0)[0].tolist() == [0]


def test_nobody_waits_for_a_try():
    slices = believed_slow(["a" * 100] * 10, 450.0, Clock())
    assert slices.take(1e9, 1.0)[0].tolist() == []


def test_a_try_that_costs_far_more_than_is_left_is_none():
    slices = believed_slow(["a" * 100] * 10, 20.0, Clock())
    assert slices.take(1e9, 0.0)[0].tolist() == []


def test_a_try_that_was_in_time_is_believed_in_its_request():
    now = Clock()
    slices = believed_slow(["a" * 100] * 10, 1000.0, now)
    assert slices.take(1e9, 0.0)[0].tolist() == [0]
    now.advance(100.0)
    assert slices.take(1e9, 0.0)[0].tolist() == [1, 2, 3, 4]
