"""Workers that take queries in turn: what the closed and the open loop have in common."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

from secondpass.bench.clock import Clock
from secondpass.bench.result import QueryTimes, Served

Measure = Callable[[str], QueryTimes]
# Waits for query number k, if it must, and returns the second at which it was meant to arrive.
Arrival = Callable[[int], float]


class Workers:
    """Takes queries first come, first served.

    `served` holds those that are finished, also after an interruption or an error.
    """

    def __init__(
        self,
        queries: Sequence[str],
        *,
        arrival: Arrival,
        measure: Measure,
        clock: Clock,
        finished: Callable[[int], None],
    ) -> None:
        self.served: list[Served] = []
        self._queries = queries
        self._arrival = arrival
        self._measure = measure
        self._clock = clock
        self._finished = finished
        self._next = 0
        self._stopped = False
        self._lock = threading.Lock()

    def run(self, count: int) -> None:
        """Serve every query with `count` workers; an error of one stops all and is raised."""
        if count == 1:
            self._work()
            return
        with ThreadPoolExecutor(count, "client") as pool:
            working = [pool.submit(self._work) for _ in range(count)]
            try:
                # In short waits, so that Ctrl-C is heard between them on every system.
                while wait(working, timeout=0.2).not_done:
                    pass
            except BaseException:
                self._stop()
                raise
        for worker in working:
            worker.result()

    def _work(self) -> None:
        try:
            while (number := self._take()) is not None:
                self._serve(number)
        except BaseException:
            self._stop()
            raise

    def _stop(self) -> None:
        """Begin no further query, and wake the workers that wait for one to arrive."""
        self._stopped = True
        self._clock.stop()

    def _take(self) -> int | None:
        with self._lock:
            if self._stopped or self._next == len(self._queries):
                return None
            self._next += 1
            return self._next - 1

    def _serve(self, number: int) -> None:
        intended = self._arrival(number)
        if self._stopped:
            return
        started = self._clock.now()
        times = self._measure(self._queries[number])
        ended = self._clock.now()
        served = Served(number, (started - intended) * 1000, (ended - intended) * 1000, times)
        with self._lock:
            self.served.append(served)
            self._finished(1)
