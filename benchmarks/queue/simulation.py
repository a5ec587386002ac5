"""Servers and their queue, simulated: the real policy on a clock that jumps.

Which request is next, which of its texts, how large a group is and who is refused are decided by
the server's own `FairQueue`, `LikeLengths` and `Admission`. What is assumed is the time: a text
takes what its tokens take at the speed that was measured, on nothing else than that.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import simpy

from secondpass.serve.admission import Admission, Outlook
from secondpass.serve.contract import Busy
from secondpass.serve.fair_queue import FairQueue, due_ms
from secondpass.serve.served import WORKERS
from secondpass.serve.slices import LikeLengths

# More texts than a request has.
_ANY = 1_000_000


@dataclass(frozen=True)
class Assumed:
    """What a server is taken to be.

    `text_ms` is what a text takes of the whole server, `spread` the standard deviation of that
    between texts, as a share. `group_ms` is the size of a group, `most_wait_ms` the wait beyond
    which a request is refused, and `around_ms` what a request takes beside its texts and beside
    those of others.
    `pace_spread` is how wrong the wait is that a request is told: the standard deviation of its
    logarithm.
    """

    text_ms: float
    group_ms: float
    most_wait_ms: float = 2000.0
    around_ms: float = 0.0
    spread: float = 0.15
    pace_spread: float = 0.2


@dataclass
class Request:
    """A request in the queue, as `FairQueue` sees one."""

    slices: LikeLengths
    own_ms: float
    arrived: float
    due_ms: float
    client: str = ""
    in_flight: int = 0

    @property
    def left_ms(self) -> float:
        """What the texts take that were not taken."""
        return self.slices.left_ms


@dataclass
class Outcome:
    """Milliseconds of the requests that were answered, and how many were refused."""

    ms: list[float] = field(default_factory=list)
    refused: int = 0

    def percentile(self, share: float) -> float:
        """Return a percentile of the milliseconds."""
        return float(np.percentile(self.ms or [0.0], share))


class Server:
    """One server: two threads that take groups from a queue, and one engine."""

    def __init__(
        self, env: simpy.Environment, assumed: Assumed, outcome: Outcome, chance: random.Random
    ) -> None:
        self._env, self._assumed, self._outcome = env, assumed, outcome
        self._chance = chance
        self._queue: FairQueue[Request] = FairQueue()
        self._admission = Admission(assumed.most_wait_ms)
        self._engine = simpy.Resource(env)
        self._changed = env.event()
        self.in_flight_ms = 0.0
        for _ in range(WORKERS):
            env.process(self._work())

    @property
    def waiting_ms(self) -> float:
        """How long it takes until nothing waits."""
        return self.in_flight_ms + sum(one.left_ms for one in self._queue)

    def offer(self, texts_ms: Sequence[float]) -> None:
        """Let a request wait, or refuse it."""
        own_ms = float(sum(texts_ms))
        due = due_ms(self._env.now, own_ms)
        wait_ms = self._queue.before_ms("", own_ms, due) + self.in_flight_ms
        wait_ms *= self._chance.lognormvariate(0.0, self._assumed.pace_spread)
        try:
            self._admission.require_room(Outlook(wait_ms, len(self._queue), own_ms, own_ms))
        except Busy:
            self._outcome.refused += 1
            return
        slices = LikeLengths(np.array(texts_ms), _ANY)
        self._queue.push(Request(slices, own_ms, self._env.now, due))
        self._changed.succeed()
        self._changed = self._env.event()

    def _work(self) -> Iterator[Any]:
        while True:
            while not self._queue:
                yield self._changed
            parts = self._gather()
            group_ms = sum(ms for _, ms in parts)
            self.in_flight_ms += group_ms
            with self._engine.request() as turn:
                yield turn
                yield self._env.timeout(group_ms)
            self.in_flight_ms -= group_ms
            for request, _ in parts:
                request.in_flight -= 1
                if request.slices.ended and not request.in_flight:
                    took = self._env.now - request.arrived + self._assumed.around_ms
                    self._outcome.ms.append(took)

    def _gather(self) -> list[tuple[Request, float]]:
        parts: list[tuple[Request, float]] = []
        room_ms = self._assumed.group_ms
        while room_ms > 0 and (request := self._queue.pop(room_ms)) is not None:
            _, ms = request.slices.take(room_ms, 0.0)
            request.in_flight += 1
            parts.append((request, ms))
            room_ms -= ms
        for request, _ in parts:
            if not request.slices.ended:
                self._queue.push(request)
        return parts


def simulate(
    assumed: Assumed,
    sizes: Sequence[int],
    a_second: float,
    *,
    seed: int = 0,
    servers: int = 1,
) -> Outcome:
    """Return what happens to requests of `sizes` texts each, in that order.

    They come at random times, `a_second` on average, whatever waits, and go to the server with the
    shorter queue of two that are chosen at random, as Ray Serve's router sends them.

    Args:
        assumed: what a server is.
        sizes: texts of each request.
        a_second: requests a second, of all servers together.
        seed: decides the times of the arrivals; those of `benchmarks.serve` with the same seed.
        servers: how many there are.
    """
    env, outcome = simpy.Environment(), Outcome()
    chance, choices = random.Random(seed), random.Random(seed + 1)
    running = [Server(env, assumed, outcome, choices) for _ in range(servers)]
    spread = np.random.default_rng(seed)

    def arrive() -> Iterator[Any]:
        for size in sizes:
            yield env.timeout(chance.expovariate(a_second) * 1000)
            ms = assumed.text_ms * np.maximum(0.1, spread.normal(1.0, assumed.spread, size))
            two = choices.sample(running, min(2, servers))
            min(two, key=lambda server: server.waiting_ms).offer(ms.tolist())

    env.process(arrive())
    env.run()
    return outcome
