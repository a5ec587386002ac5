from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass.serve.fair_queue import FairQueue, due_ms


@dataclass(eq=False)
class Waiting:
    client: str
    left_ms: float
    due_ms: float = 0.0


def emptied(queue, most_ms=100.0):
    """The clients in the order in which they had their turn, each for at most `most_ms`."""
    turns = []
    while (one := queue.pop(most_ms)) is not None:
        turns.append(one.client)
        one.left_ms -= min(one.left_ms, most_ms)
        if one.left_ms > 0:
            queue.push(one)
    return turns


def test_an_empty_queue_has_nobody():
    assert FairQueue().pop(10) is None
    assert len(FairQueue()) == 0


def test_clients_take_turns_whoever_sent_more():
    queue = FairQueue()
    for client, count in (("many", 4), ("few", 2), ("one", 1)):
        for _ in range(count):
            queue.push(Waiting(client, 100.0))
    assert emptied(queue) == ["many", "few", "one", "many", "few", "many", "many"]


def test_a_client_of_short_requests_has_more_turns_and_no_more_time():
    queue = FairQueue()
    queue.push(Waiting("long", 200.0))
    for _ in range(8):
        queue.push(Waiting("short", 25.0))
    turns = emptied(queue)
    assert turns[:6] == ["long", "short", "short", "short", "short", "long"]
    assert len(turns) == 10


def test_who_was_away_saves_nothing_up():
    queue = FairQueue()
    for _ in range(6):
        queue.push(Waiting("steady", 100.0))
    for _ in range(3):
        assert queue.pop(100.0).client == "steady"
    for _ in range(3):
        queue.push(Waiting("late", 100.0))
    assert emptied(queue) == ["late", "steady", "late", "steady", "late", "steady"]


def test_who_goes_away_and_comes_back_is_not_ahead():
    queue = FairQueue()
    for _ in range(4):
        queue.push(Waiting("steady", 100.0))
    turns = []
    for _ in range(4):  # sends the next when the last was taken
        queue.push(Waiting("eager", 100.0))
        turns += [queue.pop(100.0).client, queue.pop(100.0).client]
    assert sorted(turns) == ["eager"] * 4 + ["steady"] * 4


def test_of_one_client_the_request_that_is_due_first_is_next():
    queue = FairQueue()
    for due in (30.0, 10.0, 20.0, 10.0):
        queue.push(Waiting("one", left_ms=due, due_ms=due))
    assert [queue.pop(1e9).due_ms for _ in range(4)] == [10, 10, 20, 30]


def test_a_short_request_overtakes_a_long_one_and_not_for_ever():
    assert due_ms(1000, takes_ms=10) < due_ms(0, takes_ms=2000)
    assert due_ms(5000, takes_ms=10) > due_ms(0, takes_ms=2000)
    assert due_ms(0, takes_ms=2000, deadline_ms=50) == 50


def test_what_is_before_a_new_request_is_an_equal_share_of_each_client():
    queue = FairQueue()
    queue.push(Waiting("flood", 10_000.0, due_ms=20_000.0))
    queue.push(Waiting("other", 30.0, due_ms=60.0))
    assert queue.before_ms("new", 100.0, due_ms=200.0) == 130.0
    assert queue.before_ms("other", 100.0, due_ms=200.0) == 160.0
    assert queue.before_ms("flood", 100.0, due_ms=30_000.0) == 10_030.0
    # It overtakes the long one of its own client.
    assert queue.before_ms("flood", 100.0, due_ms=200.0) == 30.0


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.floats(0.0, 500.0, allow_nan=False)), max_size=30)
)
def test_every_request_has_its_turn_and_waiting_clients_have_equal_time(requests):
    queue = FairQueue()
    left = dict.fromkeys("abc", 0.0)
    for client, ms in requests:
        queue.push(Waiting(client, ms))
        left[client] += ms
    had = dict.fromkeys("abc", 0.0)
    while (one := queue.pop(50.0)) is not None:
        took = min(50.0, one.left_ms)
        had[one.client] += took
        one.left_ms -= took
        if one.left_ms > 0:
            queue.push(one)
        waiting = [client for client in "abc" if left[client] - had[client] > 1e-6]
        for client in waiting:
            others = max(had[other] for other in waiting)
            assert others - had[client] <= 50.0 + 1e-6
    assert had == pytest.approx(left)


@pytest.mark.parametrize("others", [0, 1])
def test_clients_that_left_are_forgotten(others):
    queue = FairQueue()
    for _ in range(others):
        queue.push(Waiting("stays", 1e9))
    for number in range(10_000):
        queue.push(Waiting(str(number), 1.0))
        if (one := queue.pop(1.0)).client == "stays":
            queue.push(one)
    assert len(queue._had_ms) < 3000
