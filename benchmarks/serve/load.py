"""Clients: so many at a time, or so many a second, or all at once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import perf_counter

import httpx

from benchmarks.serve.servers import Started
from benchmarks.serve.work import Ask

# A request that has no answer by then hangs.
HANGS_S = 90.0
HUNG, BROKEN = -1, -2


@dataclass(frozen=True)
class Reply:
    """A response: its status or `HUNG` or `BROKEN`, and its milliseconds."""

    status: int
    ms: float


@dataclass(frozen=True)
class Replies:
    """The responses to some requests, and the seconds from the first to the last."""

    replies: list[Reply]
    seconds: float

    def of(self, status: int) -> list[float]:
        """Return the milliseconds of the responses of a status."""
        return [one.ms for one in self.replies if one.status == status]


Send = Callable[[Ask], Awaitable[Reply]]


def by_clients(server: Started, asks: Sequence[Ask], clients: int) -> Replies:
    """Let so many clients ask, each its next request when it has an answer."""

    async def ask_all(send: Send) -> list[Reply]:
        waiting = list(reversed(asks))
        replies: list[Reply] = []

        async def client() -> None:
            while waiting:
                replies.append(await send(waiting.pop()))

        await asyncio.gather(*(client() for _ in range(clients)))
        return replies

    return _run(server, ask_all)


def by_rate(server: Started, asks: Sequence[Ask], a_second: float, seed: int) -> Replies:
    """Send the requests at random times, so many a second on average, whatever waits."""
    chance = random.Random(seed)

    async def ask_all(send: Send) -> list[Reply]:
        due, tasks = perf_counter(), []
        for ask in asks:
            due += chance.expovariate(a_second)
            await asyncio.sleep(max(0.0, due - perf_counter()))
            tasks.append(asyncio.create_task(send(ask)))
        return list(await asyncio.gather(*tasks))

    return _run(server, ask_all)


def at_once(server: Started, asks: Sequence[Ask]) -> Replies:
    """Send all requests at the same time."""

    async def ask_all(send: Send) -> list[Reply]:
        return list(await asyncio.gather(*map(send, asks)))

    return _run(server, ask_all)


def _run(server: Started, ask_all: Callable[[Send], Awaitable[list[Reply]]]) -> Replies:
    async def run() -> Replies:
        no_limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        async with httpx.AsyncClient(limits=no_limits, timeout=HANGS_S) as http:

            async def send(ask: Ask) -> Reply:
                begun = perf_counter()
                try:
                    response = await http.post(server.route, json=server.body(ask))
                    status = response.status_code
                except httpx.TimeoutException:
                    status = HUNG
                except httpx.TransportError:
                    status = BROKEN
                return Reply(status, (perf_counter() - begun) * 1000)

            begun = perf_counter()
            replies = await ask_all(send)
            return Replies(replies, perf_counter() - begun)

    return asyncio.run(run())
