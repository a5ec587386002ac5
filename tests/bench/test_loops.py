"""The closed and the open loop with delays that are known, on a clock that tells only them."""

import threading

import pytest
from fake_stages import FakeClock, times

from secondpass.bench.arrivals import closed_loop, open_loop
from secondpass.bench.clock import WallClock
from secondpass.bench.workers import Workers


def serve(clock, arrival, delays_ms):
    """Serve one query for each delay with one worker; return (wait, response) in whole ms."""
    left = list(delays_ms)

    def measure(query):
        spent = left.pop(0)
        if spent:
            clock.sleep(spent / 1000)
        return times(pipeline_ms=spent)

    advanced = []
    workers = Workers(
        [f"q{at}" for at in range(len(delays_ms))],
        arrival=arrival,
        measure=measure,
        clock=clock,
        finished=advanced.append,
    )
    workers.run(1)
    assert len(advanced) == len(delays_ms)
    return [(round(one.wait_ms), round(one.response_ms)) for one in workers.served]


def test_the_open_loop_counts_a_stall_for_every_query_that_queues_behind_it():
    clock = FakeClock()
    # Arrivals at 0, 100, 200, 300, 400 ms. The first takes 250 ms, the others 50 ms: they end at
    # 250, 300, 350, 400 and 450 ms, so only the last finds nobody before it.
    found = serve(clock, open_loop(10.0, clock), [250, 50, 50, 50, 50])
    assert found == [(0, 250), (150, 200), (100, 150), (50, 100), (0, 50)]


def test_the_closed_loop_hides_the_same_stall_in_one_query():
    clock = FakeClock()
    found = serve(clock, closed_loop(clock), [250, 50, 50, 50, 50])
    assert found == [(0, 250), (0, 50), (0, 50), (0, 50), (0, 50)]


def test_the_open_loop_waits_for_each_arrival():
    clock = FakeClock(seconds=7.0)
    found = serve(clock, open_loop(4.0, clock), [10, 0, 10])
    assert found == [(0, 10), (0, 0), (0, 10)]
    # The third arrives half a second after the first and takes 10 ms.
    assert clock.now() == pytest.approx(7.51)


def test_an_overloaded_open_loop_falls_behind_by_the_same_step_each_time():
    clock = FakeClock()
    # 20 arrive a second, 10 are answered: each waits 50 ms longer than the one before it.
    found = serve(clock, open_loop(20.0, clock), [100] * 5)
    assert found == [(0, 100), (50, 150), (100, 200), (150, 250), (200, 300)]


def test_a_late_sleep_counts_as_waiting():
    class Sleepy(FakeClock):
        def sleep(self, seconds):
            super().sleep(seconds + 0.003)

    clock = Sleepy()
    found = serve(clock, open_loop(10.0, clock), [0, 0])
    assert found == [(0, 0), (3, 3)]


@pytest.mark.timeout(20)
def test_so_many_clients_are_served_at_once_and_each_query_once():
    together = threading.Barrier(4)

    def measure(query):
        together.wait(10)  # passes only if four are in it at once
        return times()

    clock = WallClock()
    workers = Workers(
        [f"q{at}" for at in range(12)],
        arrival=closed_loop(clock),
        measure=measure,
        clock=clock,
        finished=lambda _: None,
    )
    workers.run(4)
    assert sorted(one.number for one in workers.served) == list(range(12))


@pytest.mark.timeout(20)
@pytest.mark.parametrize("count", [1, 3])
def test_an_error_of_one_query_ends_the_run_and_is_raised(count):
    clock = WallClock()

    def measure(query):
        if query == "q5":
            raise ValueError("q5 cannot be ranked")
        return times()

    workers = Workers(
        [f"q{at}" for at in range(10_000)],
        arrival=closed_loop(clock),
        measure=measure,
        clock=clock,
        finished=lambda _: None,
    )
    with pytest.raises(ValueError, match="q5"):
        workers.run(count)
    served = {one.number for one in workers.served}
    assert {0, 1, 2, 3, 4} <= served
    assert 5 not in served
    assert len(served) < 10_000


@pytest.mark.timeout(20)
def test_an_error_wakes_the_workers_that_wait_for_an_arrival():
    clock = WallClock()

    def measure(query):
        raise ValueError("broken")

    # The second query arrives after an hour; the first fails at once.
    workers = Workers(
        ["q0", "q1"],
        arrival=open_loop(1 / 3600, clock),
        measure=measure,
        clock=clock,
        finished=lambda _: None,
    )
    with pytest.raises(ValueError, match="broken"):
        workers.run(2)
    assert workers.served == []


@pytest.mark.timeout(20)
def test_a_worker_that_finds_nothing_left_stops_no_other():
    clock = WallClock()
    workers = Workers(
        ["q0", "q1", "q2"],
        arrival=open_loop(10.0, clock),
        measure=lambda query: times(),
        clock=clock,
        finished=lambda _: None,
    )
    workers.run(3)
    assert len(workers.served) == 3
