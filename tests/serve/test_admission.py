from __future__ import annotations

import pytest

from secondpass.serve.admission import Admission, Outlook
from secondpass.serve.contract import Busy, DeadlineTooShort, TookTooLong


def outlook(wait_ms=0.0, waiting=0, own_ms=100.0, first_ms=10.0):
    return Outlook(wait_ms, waiting, own_ms, first_ms)


@pytest.mark.parametrize(
    ("wait_ms", "retry_after_s"), [(1000.1, 1), (1999.0, 1), (2001.0, 2), (61_000.0, 60)]
)
def test_who_would_wait_too_long_is_told_when_to_come_again(wait_ms, retry_after_s):
    with pytest.raises(Busy) as busy:
        Admission(1000.0).require_room(outlook(wait_ms))
    assert busy.value.retry_after_s == retry_after_s


@pytest.mark.parametrize("wait_ms", [0.0, 999.0, 1000.0])
def test_who_waits_no_longer_than_the_bound_is_let_in(wait_ms):
    Admission(1000.0).require_room(outlook(wait_ms))


def test_a_request_of_any_size_is_let_in_where_nobody_waits():
    Admission(1000.0).require_room(outlook(0.0, own_ms=1e9))


@pytest.mark.parametrize(("own_ms", "longest"), [(10.0, 1000.0), (250.0, 1000.0), (900.0, 3600.0)])
def test_a_long_request_may_wait_longer(own_ms, longest):
    Admission(1000.0).require_room(outlook(longest, own_ms=own_ms))
    with pytest.raises(Busy):
        Admission(1000.0).require_room(outlook(longest + 1, own_ms=own_ms))


def test_so_many_wait_and_no_more_however_short_they_are():
    Admission(1000.0, most_waiting=3).require_room(outlook(0.0, waiting=2))
    with pytest.raises(Busy) as busy:
        Admission(1000.0, most_waiting=3).require_room(outlook(0.0, waiting=3))
    assert busy.value.retry_after_s == 1


@pytest.mark.parametrize(
    ("wait_ms", "budget_ms", "has_time"),
    [(0.0, 100.0, True), (0.0, 10.0, True), (0.0, 9.0, False), (50.0, 59.0, False)],
)
def test_there_is_time_where_one_text_can_be_scored(wait_ms, budget_ms, has_time):
    assert Admission(1e9).has_time(outlook(wait_ms), budget_ms, "partial") is has_time


@pytest.mark.parametrize(("wait_ms", "budget_ms"), [(0.0, 99.0), (50.0, 149.0), (0.0, 0.1)])
def test_who_asked_to_be_told_is_told_how_much_it_needs(wait_ms, budget_ms):
    with pytest.raises(DeadlineTooShort) as told:
        Admission(1e9).has_time(outlook(wait_ms), budget_ms, "refuse")
    assert told.value.needed_ms == wait_ms + 100.0
    assert Admission(1e9).has_time(outlook(wait_ms), wait_ms + 100.0, "refuse")


@pytest.mark.parametrize("when_late", ["partial", "refuse"])
def test_what_is_only_guessed_is_tried(when_late):
    guess = outlook(0.0, own_ms=1e6, first_ms=1e5)._replace(guessed=True)
    assert Admission(1e9).has_time(guess, 1.0, when_late)


def test_one_text_is_tried_where_nobody_is_kept_waiting():
    idle = outlook(0.0, own_ms=1e6, first_ms=1e5)._replace(idle=True)
    assert Admission(1e9).has_time(idle, 50.0, "partial")
    with pytest.raises(DeadlineTooShort):
        Admission(1e9).has_time(idle, 50.0, "refuse")


@pytest.mark.parametrize(
    ("sent", "needed_ms", "said"),
    [
        (300.0, 128_123.4, "a budget of 300 ms, about 128100 would do:"),
        (5, 1384.2, "a budget of 5 ms, about 1384 would do:"),
        (0.05, 0.123456, "a budget of 0.05 ms, about 0.1235 would do:"),
        (1e7, 3.2e9, "a budget of 10000000 ms, about 3200000000 would do:"),
        (0.00001, None, "a budget of 0.00001 ms: give"),
    ],
)
def test_numbers_are_as_they_were_sent_and_without_exponents(sent, needed_ms, said):
    assert said in str(DeadlineTooShort(sent, needed_ms))


def test_the_budget_that_is_named_is_the_one_that_was_sent():
    with pytest.raises(DeadlineTooShort, match="a budget of 300 ms, about 128100 would"):
        Admission(1e9).has_time(outlook(own_ms=128_123.0), 299.7, "refuse", budget_ms=300.0)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Busy(123_456.0), "again in 123500 seconds"),
        (TookTooLong(86_400.0), "within 86400 seconds"),
        (TookTooLong(1_000_000.5), "within 1000000.5 seconds"),
    ],
)
def test_no_message_has_an_exponent(error, said):
    assert said in str(error)
