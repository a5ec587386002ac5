"""The timeout with real threads; events, not sleeping, decide what is in time."""

import threading

import pytest

from secondpass.deadline.timeout import ThreadTimeoutRunner

AGES_MS = 60_000.0


def test_an_answer_in_time_is_returned():
    assert ThreadTimeoutRunner(2).run(AGES_MS, lambda: 7) == 7


def test_an_error_in_time_is_raised():
    def broken():
        raise TimeoutError("the disk's own")

    with pytest.raises(TimeoutError, match="the disk's own"):
        ThreadTimeoutRunner(2).run(AGES_MS, broken)


def test_late_work_is_left_and_ends_by_itself():
    go_on, ended = threading.Event(), threading.Event()

    def slow():
        go_on.wait(60)
        ended.set()
        raise ValueError("nobody hears it")

    runner = ThreadTimeoutRunner(2)
    assert runner.run(1.0, slow) is None
    assert not ended.is_set()
    assert runner.run(AGES_MS, lambda: 7) == 7
    go_on.set()
    assert ended.wait(60)


def test_work_that_finds_no_thread_in_its_time_is_never_begun():
    go_on, begun = threading.Event(), threading.Event()
    runner = ThreadTimeoutRunner(1)
    assert runner.run(1.0, lambda: go_on.wait(60)) is None
    assert runner.run(1.0, begun.set) is None
    go_on.set()
    assert runner.run(AGES_MS, lambda: 7) == 7
    assert not begun.is_set()


def test_a_closed_runner_lets_its_work_end():
    go_on, ended = threading.Event(), threading.Event()
    runner = ThreadTimeoutRunner(1)
    assert runner.run(1.0, lambda: go_on.wait(60) and ended.set()) is None
    runner.close()
    go_on.set()
    assert ended.wait(60)
