"""The simulation of the queue: against theory where there is one, and against its own rules."""

import numpy as np
import pytest

pytest.importorskip("simpy", reason="simpy is not installed: pip install '.[test]'")

from benchmarks.queue.simulation import Assumed, simulate

# One text a group, all equal: an M/D/1 queue.
PLAIN = Assumed(text_ms=10.0, group_ms=1e-6, most_wait_ms=1e9, spread=0.0)
SERVED = Assumed(text_ms=6.5, group_ms=110.0, around_ms=9.0)


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_waits_are_those_of_queueing_theory(load):
    outcome = simulate(PLAIN, [1] * 15_000, load * 100)
    # Pollaczek and Khinchine, for a service time that does not vary.
    expected = 10 + load * 10 / (2 * (1 - load))
    assert np.mean(outcome.ms) == pytest.approx(expected, rel=0.1)


def test_a_request_alone_takes_its_texts_and_what_is_around():
    outcome = simulate(Assumed(6.5, 110.0, around_ms=9.0, spread=0.0), [10], 1.0)
    assert outcome.ms == [pytest.approx(74.0)]


@pytest.mark.parametrize("size", [1, 40, 400])
def test_a_request_of_any_size_is_let_in_where_nobody_waits(size):
    assert simulate(SERVED, [size], 1.0).refused == 0


@pytest.mark.parametrize(("servers", "a_second"), [(1, 10.0), (1, 80.0), (3, 60.0), (3, 200.0)])
def test_every_request_is_answered_or_refused(servers, a_second):
    sizes = [1, 2, 5, 10, 20] * 100
    outcome = simulate(SERVED, sizes, a_second, servers=servers)
    assert len(outcome.ms) + outcome.refused == len(sizes)
    assert min(outcome.ms) >= SERVED.around_ms


def test_half_of_twice_what_it_can_do_is_refused_and_the_rest_waits_as_long_as_it_may():
    sizes = [8] * 1500
    outcome = simulate(SERVED, sizes, 2 * 1000 / (6.5 * 8))
    assert 0.4 < outcome.refused / len(sizes) < 0.5
    assert 1000 < outcome.percentile(50) < 3000
    assert outcome.percentile(99) < 3 * SERVED.most_wait_ms


def test_many_servers_wait_less_than_one_at_the_same_load():
    sizes = [1, 2, 5, 10, 20] * 300
    one, four = (simulate(SERVED, sizes, 16.0 * n, servers=n) for n in (1, 4))
    assert four.percentile(95) < one.percentile(95)


def test_a_seed_decides_the_arrivals():
    sizes = [1, 2, 5, 10, 20] * 20
    one, same, other = (simulate(SERVED, sizes, 18.0, seed=seed).ms for seed in (1, 1, 2))
    assert one == same != other
