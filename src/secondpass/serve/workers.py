"""The threads that repeat a step; one that ends by an error is noticed and replaced."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Lock, Thread, current_thread
from time import monotonic
from traceback import format_tb

_log = logging.getLogger("secondpass.serve")


class Workers:
    """A few threads, each of which repeats `step` until that returns False.

    Args:
        step: what they do; it waits where there is nothing to do.
        count: how many threads.
        name: what they are called.
    """

    def __init__(self, step: Callable[[], bool], count: int, name: str) -> None:
        self._step, self._name = step, name
        self._lock = Lock()
        self._died = 0
        self._threads = [self._started() for _ in range(count)]

    @property
    def dead(self) -> int:
        """How many threads ended by an error and were not replaced."""
        return self._died

    def mend(self) -> int:
        """Replace the threads that ended by an error; return how many.

        Raises:
            RuntimeError: the system starts no thread now; what is not replaced is still dead.
        """
        replaced = 0
        with self._lock:
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            while self._died:
                self._threads.append(self._started())
                self._died -= 1
                replaced += 1
        return replaced

    def join(self, seconds: float) -> bool:
        """Wait for the end of all threads for at most so long; tell whether they ended."""
        until = monotonic() + seconds
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            if thread is not current_thread():
                thread.join(max(0.0, until - monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _started(self) -> Thread:
        thread = Thread(target=self._run, name=self._name, daemon=True)
        thread.start()
        return thread

    def _run(self) -> None:
        try:
            while self._step():
                pass
        except BaseException as error:
            with self._lock:
                self._died += 1
            # The error's message may hold a text.
            place = "".join(format_tb(error.__traceback__))
            kind = type(error).__name__
            _log.error("a thread that scores ended by %s; another takes its place\n%s", kind, place)
