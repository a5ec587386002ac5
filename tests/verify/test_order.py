"""The rule of order, worked by hand on four documents at 4, 3, 2.9 and 1."""

import pytest
from made_records import ranked

from secondpass.verify.order import END, Swap, among, score_difference, widest_shift, widest_swap

RECORDED = ranked(a=4.0, b=3.0, c=2.9, d=1.0)


def gap(value):
    return pytest.approx(value, abs=1e-12)


def test_the_same_order_has_no_swap_whatever_the_scores():
    assert widest_swap(RECORDED, ranked(a=9.0, b=8.0, c=7.0, d=6.0)) is None


def test_neighbours_that_change_places_are_as_far_apart_as_in_the_record():
    assert widest_swap(RECORDED, ranked(a=4.0, c=3.0, b=2.0, d=1.0)) == Swap("b", "c", gap(0.1))


def test_the_widest_of_several_swaps_counts():
    # d passes c, b and a: the last is 3 apart.
    assert widest_swap(RECORDED, ranked(d=9.0, a=4.0, b=3.0, c=2.9)) == Swap("a", "d", gap(3.0))
    # b and c swap (0.1), d passes both (2.0 and 1.9).
    assert widest_swap(RECORDED, ranked(a=4.0, d=3.5, c=3.0, b=2.9)) == Swap("b", "d", gap(2.0))


def test_what_fell_out_is_as_far_off_as_from_the_last_recorded():
    assert widest_swap(RECORDED, ranked(a=4.0, c=2.9, d=1.0, e=0.9)) == Swap("b", END, gap(2.0))


def test_what_came_in_is_as_far_off_as_from_the_last_here():
    # d, the last, made way for e; but e stands 3 above the last of today.
    assert widest_swap(RECORDED, ranked(e=5.9, a=4.0, b=3.0, c=2.9)) == Swap(END, "e", gap(3.0))


def test_the_last_may_give_its_place_to_another():
    assert widest_swap(RECORDED, ranked(a=4.0, b=3.0, c=2.9, e=1.0)).gap == 0


def test_scores_are_compared_by_document_over_those_in_both():
    here = ranked(b=3.25, a=4.0, e=9.0)
    assert score_difference(RECORDED, here) == 0.25
    assert score_difference(RECORDED, ranked(e=9.0)) == 0


def test_two_documents_move_against_each_other_by_a_part_of_the_range():
    # a rises by 0.1 and d falls by 0.2: 0.3 of a range of 3.
    here = ranked(a=4.1, b=3.0, c=2.9, d=0.8)
    assert widest_shift(RECORDED, here) == pytest.approx(0.1)
    # All rise alike: nothing moved.
    assert widest_shift(RECORDED, ranked(a=5.0, b=4.0, c=3.9, d=2.0)) == pytest.approx(0)
    assert widest_shift(ranked(a=1.0), ranked(a=2.0)) == 0
    assert widest_shift(ranked(), ranked()) == 0


def test_a_ranking_of_some_documents_keeps_their_order_and_scores():
    assert among(RECORDED, frozenset("dba")) == ranked(a=4.0, b=3.0, d=1.0)


def test_a_swap_is_said_in_words():
    assert str(Swap("a", "b", 0.25)) == "a was before b, 0.25 apart"
    assert str(Swap("a", END, 0.25)) == "a fell out, 0.25 above the last"
    assert str(Swap(END, "b", 0.25)) == "b came in, 0.25 above the last"
