"""Runs a block so that its caller can leave it: no cost model foresees a stalled machine."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from threading import Lock
from typing import Protocol, TypeVar

Answer = TypeVar("Answer")


class Guard(Protocol):
    """Runs work for at most a while."""

    def within(self, left_ms: float, work: Callable[[], Answer]) -> Answer | None:
        """Return the work's answer or raise its error; None if it is not there in time."""
        ...


class ThreadGuard:
    """Runs work in a few threads of its own, started at the first use.

    What is late goes on to its end, for an engine cannot be stopped within a batch; its answer, or
    its error, is of no use to anyone any more. At most `workers` are at it, what comes beyond waits
    within its own time and is never begun if that is over.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._lock = Lock()
        self._pool: ThreadPoolExecutor | None = None

    def within(self, left_ms: float, work: Callable[[], Answer]) -> Answer | None:
        """Return the work's answer or raise its error; None if it is not there in time."""
        future = self._threads().submit(work)
        try:
            return future.result(timeout=max(0.0, left_ms / 1000))
        except FutureTimeoutError:
            # The work may have raised a TimeoutError of its own, or have ended just now.
            return future.result() if future.done() else None
        finally:
            future.cancel()

    def _threads(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._workers, "secondpass-deadline")
            return self._pool
