"""A request while it is scored: what is left of it, what is known, and who waits for the answer."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

from secondpass.deadline.budget import Now
from secondpass.options.effort import Effort
from secondpass.scorer import Request
from secondpass.scoring.scored import Scored
from secondpass.serve.slices import Positions, Slices

T = TypeVar("T")


class Work(Generic[T]):
    """A request, scored part by part and in any order.

    Args:
        request: the query and its texts.
        slices: which texts are scored at a time.
        answer: makes the answer of the table of the texts, or of the first of them where there is
            no time for all; runs in the thread that scored the last.
        effort: which early exits the request takes.
        client: who asks.
        due_ms: by when it should be scored, to be compared with that of others.
        opened: changes the request before its first text is scored, such as by cutting it; what it
            raises ends the request.
        now: a clock in seconds.
    """

    def __init__(
        self,
        request: Request,
        slices: Slices,
        answer: Callable[[Scored], T],
        *,
        now: Now,
        effort: Effort = "full",
        client: str = "",
        due_ms: float = 0.0,
        opened: Callable[[Request], Request] | None = None,
    ) -> None:
        self.request, self.effort, self.client, self.due_ms = request, effort, client, due_ms
        self.future: Future[T] = Future()
        self.arrived = now()
        # When its first text was taken, and None before.
        self.begun: float | None = None
        self._now, self._slices, self._answer, self._opened = now, slices, answer, opened
        self._lock = Lock()
        self._in_flight = 0
        self._settled = False
        self._parts: list[tuple[Positions, Scored]] = []

    @property
    def left_ms(self) -> float:
        """What the texts take that were not taken; nothing once somebody has the answer."""
        return 0.0 if self.settled else self._slices.left_ms

    @property
    def settled(self) -> bool:
        """Whether there is an answer or an error, or nobody wants one."""
        return self._settled or self.future.cancelled()

    @property
    def has_more(self) -> bool:
        """Whether there is another part to take."""
        return not (self.settled or self._slices.ended)

    @property
    def one_at_a_time(self) -> bool:
        """Whether another part may be taken only when the last one was given back."""
        return self._slices.one_at_a_time

    @property
    def waited_ms(self) -> float:
        """How long its first text waited for its turn; until now if it still does."""
        return ((self._now() if self.begun is None else self.begun) - self.arrived) * 1000

    def take(self, most_ms: float, wait_ms: float) -> Part | None:
        """Return the next part, which takes about `most_ms`; None if there is no time for it."""
        if self.begun is None:
            self.begun = self._now()
            if self._opened is not None:
                self.request = self._opened(self.request)
        positions, ms = self._slices.take(most_ms, wait_ms)
        if not len(positions):
            self.expire()
            return None
        with self._lock:
            self._in_flight += 1
        return Part(self, positions, ms)

    def give(self, part: Part, scored: Scored) -> None:
        """Take in a part that was scored; the last one gives the answer."""
        with self._lock:
            self._in_flight -= 1
            self._parts.append((part.positions, scored))
            whole = self._slices.ended and not self._in_flight
        if whole:
            self.expire()

    def expire(self) -> None:
        """Give the answer of what is scored so far."""
        if self._settle():
            try:
                answer = self._answer(self._table())
            except Exception as error:
                self.future.set_exception(error)
            else:
                self.future.set_result(answer)

    def fail(self, error: Exception) -> None:
        """End the request with an error, whatever is still in flight of it."""
        if self._settle():
            self.future.set_exception(error)

    def _settle(self) -> bool:
        """Tell whether the caller is to settle the future: the first one is, if anyone waits."""
        with self._lock:
            if self._settled:
                return False
            self._settled = True
        return self.future.set_running_or_notify_cancel()

    def _table(self) -> Scored:
        with self._lock:
            parts = list(self._parts)
        if len(parts) == 1 and self._slices.one_at_a_time:
            return parts[0][1]
        positions = np.concatenate([np.empty(0, np.intp), *(one for one, _ in parts)])
        return Scored.joined(scored for _, scored in parts).take(np.argsort(positions))


class Part(NamedTuple):
    """Some texts of a request, and what scoring them should take on an idle machine."""

    work: Work[Any]
    positions: Positions
    ms: float

    def request(self) -> Request:
        """Return the query and these texts."""
        query, texts = self.work.request
        return Request(query, [texts[position] for position in self.positions])
