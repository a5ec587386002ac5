from __future__ import annotations

import threading

import pytest

from secondpass.serve.workers import Workers


class Steps:
    """A step that does what the test says next, and ends after that."""

    def __init__(self, *what):
        self._what, self._lock = list(what), threading.Lock()
        self.done = []

    def __call__(self):
        with self._lock:
            if not self._what:
                return False
            what = self._what.pop(0)
        if isinstance(what, BaseException):
            raise what
        self.done.append(what)
        return True


def test_a_thread_repeats_its_step_until_that_is_over():
    steps = Steps(1, 2, 3)
    workers = Workers(steps, 1, "w")
    assert workers.join(60)
    assert steps.done == [1, 2, 3]
    assert workers.dead == 0
    assert workers.mend() == 0


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), MemoryError(), ValueError()])
def test_a_thread_that_ends_by_an_error_is_noticed_and_replaced(error, caplog):
    steps = Steps(1, error, 2)
    workers = Workers(steps, 1, "w")
    assert workers.join(60)
    assert (workers.dead, steps.done) == (1, [1])
    assert type(error).__name__ in caplog.text
    assert workers.mend() == 1
    assert workers.dead == 0
    assert workers.join(60)
    assert steps.done == [1, 2]


@pytest.mark.parametrize("started", [0, 1])
def test_a_thread_that_cannot_be_started_is_replaced_later(started, monkeypatch):
    steps = Steps(ValueError(), MemoryError(), 1, 2)
    workers = Workers(steps, 2, "w")
    assert workers.join(60)
    start, starts = threading.Thread.start, []

    def refused(thread):
        starts.append(thread)
        if len(starts) > started:
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refused)
        with pytest.raises(RuntimeError):
            workers.mend()
    assert workers.dead == 2 - started
    assert workers.mend() == 2 - started
    assert workers.join(60)
    assert workers.dead == 0
    assert sorted(steps.done) == [1, 2]


def test_join_says_whether_all_ended():
    hold = threading.Event()
    workers = Workers(lambda: hold.wait(60) and False, 2, "w")
    assert not workers.join(0.0)
    hold.set()
    assert workers.join(60)
