"""Runs a block so that its caller can leave it: no cost model foresees a stalled machine."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from threading import TIMEOUT_MAX, Lock
from typing import Protocol, TypeVar

Answer = TypeVar("Answer")


class TimeoutRunner(Protocol):
    """Runs work for at most a while."""

    def run(self, left_ms: float, work: Callable[[], Answer]) -> Answer | None:
        """Return the work's answer or raise its error; None if it is not there in time."""
        ...

    def close(self) -> None:
        """Accept no more work; what runs continues to its end."""
        ...


class ThreadTimeoutRunner:
    """Runs work in a few threads of its own, started at the first use.

    Late work continues to its end, for an engine cannot be stopped within a batch; nobody takes
    its answer, or its error. At most `workers` run at once; further calls queue, within their own
    budget, and are never begun if that is over.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._lock = Lock()
        self._pool: ThreadPoolExecutor | None = None

    def run(self, left_ms: float, work: Callable[[], Answer]) -> Answer | None:
        """Return the work's answer or raise its error; None if it is not there in time."""
        try:
            future = self._threads().submit(work)
        except RuntimeError:  # the interpreter ends, or `close` was called: there are no threads
            return work()
        try:
            return future.result(timeout=min(max(0.0, left_ms / 1000), TIMEOUT_MAX))
        except FutureTimeoutError:
            # The work may have raised a TimeoutError of its own, or have ended just now.
            return future.result() if future.done() else None
        finally:
            future.cancel()

    def close(self) -> None:
        """End the threads when what they run has ended; a later call starts new ones."""
        with self._lock:
            if self._pool is not None:
                self._pool.shutdown(wait=False)
                self._pool = None

    def _threads(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._workers, "secondpass-deadline")
            return self._pool
