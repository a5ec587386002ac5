from __future__ import annotations

import pytest
from serve_fakes import Clock

from secondpass.serve.pace import Pacing

FULL, FAST = {"full"}, {"fast"}


def observe(pacing, now, idle_ms, took_ms, *, times=40, efforts=FULL, cached=False):
    for _ in range(times):
        begun = now()
        now.advance(took_ms)
        pacing.observe(idle_ms, begun, efforts=efforts, cached=cached)


@pytest.fixture
def now():
    return Clock()


@pytest.fixture
def pacing(now):
    return Pacing(now)


@pytest.mark.parametrize("slowness", [0.5, 1.0, 3.0, 20.0])
def test_the_machines_slowness_is_learnt(pacing, now, slowness):
    observe(pacing, now, 100.0, slowness * 100.0)
    assert pacing.ms(10.0) == pytest.approx(slowness * 10.0, rel=0.01)
    assert pacing.pace().factor == pytest.approx(slowness, rel=0.01)


def test_groups_that_overlap_count_once(pacing, now):
    begun = now()
    for _ in range(40):
        now.advance(100.0)
        # Begun while the last one was computed: it took the time since that ended.
        pacing.observe(100.0, begun, efforts=FULL, cached=False)
        begun = now() - 0.05
    assert pacing.ms(100.0) == pytest.approx(100.0)


def test_what_a_cache_knew_counts_in_the_wait_and_not_in_a_deadline(pacing, now):
    observe(pacing, now, 100.0, 100.0)
    observe(pacing, now, 100.0, 1.0, cached=True)
    assert pacing.ms(100.0) == pytest.approx(1.0, rel=0.05)
    assert pacing.pace().factor == pytest.approx(1.0, rel=0.01)


def test_what_an_effort_takes_is_learnt_and_changes_nothing_else(pacing, now):
    observe(pacing, now, 100.0, 200.0)
    for _ in range(60):
        idle_ms = pacing.share("fast") * 100.0
        observe(pacing, now, idle_ms, 60.0, times=1, efforts=FAST)
    assert pacing.share("fast") == pytest.approx(0.3, rel=0.02)
    assert pacing.share("full") == 1.0
    assert pacing.ms(10.0) == pytest.approx(20.0, rel=0.01)
    assert pacing.pace("fast").factor == pytest.approx(0.6, rel=0.03)


@pytest.mark.parametrize("took_ms", [0.0, 1e9])
def test_no_moment_makes_an_effort_cost_nothing_or_for_ever(pacing, now, took_ms):
    observe(pacing, now, 100.0, took_ms, efforts=FAST)
    assert 0.05 <= pacing.share("fast") <= 2.0


def test_a_mixed_or_empty_group_teaches_nothing(pacing, now):
    observe(pacing, now, 100.0, 500.0, efforts=FULL | FAST)
    observe(pacing, now, 0.0, 500.0)
    assert pacing.ms(10.0) == 10.0
    assert pacing.share("fast") == 1.0
