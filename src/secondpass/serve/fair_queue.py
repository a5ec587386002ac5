"""Whose turn it is: clients have equal shares of the time, and short requests do not wait long."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Generic, NamedTuple, Protocol, TypeVar

# A request may be overtaken by later and shorter ones for so many times what it takes itself.
STRETCH = 2.0
# So many clients are remembered who have nothing waiting.
_REMEMBERED = 1024


class Waits(Protocol):
    """What a queue has to know of a request: who asks, what is left of it, and when it is due."""

    @property
    def client(self) -> str:
        """Who asks."""
        ...

    @property
    def left_ms(self) -> float:
        """What scoring the rest takes; it gets less while the request is not in the queue."""
        ...

    @property
    def due_ms(self) -> float:
        """By when it should be scored; of one client's requests the earliest goes first."""
        ...


W = TypeVar("W", bound=Waits)


class _Entry(NamedTuple):
    due_ms: float
    number: int
    waits: Waits


class FairQueue(Generic[W]):
    """Requests by client. The client who had the least time so far is next (start-time fair
    queueing, Goyal et al. 1996), and of its requests the one that is due first.

    A client that comes back begins where the others are: what it did not use is not saved up.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, list[_Entry]] = {}
        self._turns: list[tuple[float, int, str]] = []
        # What each client had, in milliseconds; a share of the time is a distance on this clock.
        self._had_ms: dict[str, float] = {}
        self._now_ms = 0.0
        self._number = 0

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def __iter__(self) -> Iterator[W]:
        for entries in self._waiting.values():
            for entry in entries:
                yield entry.waits  # type: ignore[misc]

    def push(self, waits: W) -> None:
        """Let a request wait, or the rest of one."""
        self._number += 1
        client = waits.client
        if client not in self._waiting:
            self._waiting[client] = []
            self._had_ms[client] = max(self._now_ms, self._had_ms.get(client, 0.0))
            heappush(self._turns, (self._had_ms[client], self._number, client))
        heappush(self._waiting[client], _Entry(waits.due_ms, self._number, waits))

    def pop(self, most_ms: float) -> W | None:
        """Return the request whose turn it is, for at most `most_ms`; None if none waits."""
        if not self._turns:
            return None
        self._now_ms, _, client = heappop(self._turns)
        waits: W = heappop(self._waiting[client]).waits  # type: ignore[assignment]
        self._had_ms[client] += min(most_ms, waits.left_ms)
        if self._waiting[client]:
            self._number += 1
            heappush(self._turns, (self._had_ms[client], self._number, client))
        else:
            del self._waiting[client]
            self._forget()
        return waits

    def before_ms(self, client: str, ms: float, due_ms: float) -> float:
        """Return what is done before a new request of `ms` ends: what of its client is due before,
        and of each other client as much, for they have equal shares.
        """
        left = {
            name: sum(entry.waits.left_ms for entry in entries)
            for name, entries in self._waiting.items()
            if name != client
        }
        own = sum(
            entry.waits.left_ms for entry in self._waiting.get(client, ()) if entry.due_ms <= due_ms
        )
        return own + sum(min(others, own + ms) for others in left.values())

    def _forget(self) -> None:
        """Forget what clients had who have nothing waiting, where they are very many."""
        if len(self._had_ms) > len(self._waiting) + _REMEMBERED:
            self._had_ms = {client: self._had_ms[client] for client in self._waiting}


def due_ms(arrived_ms: float, takes_ms: float, deadline_ms: float | None = None) -> float:
    """Return when a request is due: the later the longer it takes, and never after its deadline.

    >>> due_ms(100, 10), due_ms(100, 1000), due_ms(100, 1000, deadline_ms=400)
    (120.0, 2100.0, 400)
    """
    due = arrived_ms + STRETCH * takes_ms
    return due if deadline_ms is None else min(due, deadline_ms)
