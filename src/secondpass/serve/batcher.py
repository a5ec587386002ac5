"""Scores the texts of many requests together, in a few threads of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from threading import Condition
from time import perf_counter
from typing import Any, NamedTuple

from secondpass.deadline.budget import Now
from secondpass.scorer import AnyScorer
from secondpass.scoring.scored import Scored
from secondpass.serve.contract import Closed, Failed
from secondpass.serve.fair_queue import FairQueue
from secondpass.serve.pace import Pacing
from secondpass.serve.work import Part, Work

AnyWork = Work[Any]


class Group(NamedTuple):
    """What was scored together, and how long it took from its first text to its last."""

    requests: int
    texts: int
    idle_ms: float
    ms: float


class Batcher:
    """A queue of requests and a step that scores some texts of those whose turn it is.

    `step` is what the threads repeat; a test calls it itself. All methods are for any thread.

    Args:
        scorer: scores the parts of requests, those of a group in one call.
        pacing: learns how slow the machine is.
        group_ms: what a group may take on an idle machine.
        noted: told of every group.
        now: a clock in seconds.
    """

    def __init__(
        self,
        scorer: AnyScorer,
        pacing: Pacing,
        *,
        group_ms: float,
        noted: Callable[[Group], object] = lambda _: None,
        now: Now = perf_counter,
    ) -> None:
        self._scorer, self._pacing, self._group_ms = scorer, pacing, group_ms
        self._noted, self._now = noted, now
        self._changed = Condition()
        self._queue: FairQueue[AnyWork] = FairQueue()
        # The parts that each turn holds, from when they are taken until they are scored.
        self._turns: dict[_Turn, None] = {}
        self._closed = False

    def submit(self, works: Iterable[AnyWork]) -> None:
        """Let requests wait for their turn.

        Raises:
            Closed: `close` was called.
        """
        with self._changed:
            if self._closed:
                raise Closed
            for work in works:
                self._queue.push(work)
            self._changed.notify_all()

    def wait_ms(self, client: str, idle_ms: float, due_ms: float) -> float:
        """Return about how long another request would wait that takes `idle_ms` itself."""
        with self._changed:
            before_ms = self._queue.before_ms(client, idle_ms, due_ms)
            return self._pacing.ms(before_ms + self._in_flight_ms())

    def all_ms(self) -> float:
        """Return about how long it takes until nothing waits."""
        with self._changed:
            waiting_ms = sum(work.left_ms for work in self._queue)
            return self._pacing.ms(waiting_ms + self._in_flight_ms())

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""
        with self._changed:
            return len(self._queue)

    @property
    def oldest_s(self) -> float:
        """For how many seconds the group is being scored that was begun first; 0 without any."""
        with self._changed:
            return max((self._now() - turn.begun for turn in self._turns), default=0.0)

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is scored."""
        with self._changed:
            return not self._queue and not self._turns

    def step(self) -> bool:
        """Score one group; wait for it if there is none. False once it is closed and all is done.

        Raises:
            BaseException: what ends the thread; the requests of its group fail by its name.
        """
        turn = _Turn()
        try:
            if not self._await(turn):
                return False
            parts = self._gather(turn)
            if parts:
                self._score(turn, parts)
        except BaseException as error:
            for work in turn.works:
                work.fail(Failed(type(error).__name__, "the thread that scored it ended"))
            raise
        finally:
            self._end(turn)
        return True

    def close(self) -> None:
        """Take no more; what waits is still scored."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def drop(self) -> None:
        """Fail all that still waits: `Closed`."""
        for work in self._pop_all():
            work.fail(Closed())

    def _await(self, turn: _Turn) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closed)
            if not self._queue:
                return False
            turn.begun = self._now()
            self._turns[turn] = None
            return True

    def _gather(self, turn: _Turn) -> list[Part]:
        """Take parts of the requests whose turn it is, until they take `group_ms` together."""
        parts: list[Part] = []
        room_ms = self._group_ms
        while room_ms > 0 and (work := self._pop(turn, room_ms)) is not None:
            part = self._take(work, room_ms, turn)
            if part is not None:
                parts.append(part)
                turn.ms += part.ms
                room_ms -= part.ms
        # Those that have another part wait again only now, or it would be taken at once.
        self._wait_again(turn, one_at_a_time=False)
        return parts

    def _wait_again(self, turn: _Turn, *, one_at_a_time: bool) -> None:
        with self._changed:
            for work in list(turn.outside):
                if work.has_more and work.one_at_a_time is one_at_a_time:
                    turn.outside.remove(work)
                    self._queue.push(work)
            self._changed.notify_all()

    def _take(self, work: AnyWork, room_ms: float, turn: _Turn) -> Part | None:
        if work.settled:
            return None
        try:
            return work.take(room_ms, self._pacing.ms(self._ahead_ms(turn)))
        except Exception as error:
            work.fail(error)
            return None

    def _score(self, turn: _Turn, parts: Sequence[Part]) -> None:
        begun = self._now()
        prepared = [(part, one) for part in parts for one in self._prepare(part)]
        tables = self._together(prepared)
        idle_ms = sum(part.ms for part, _ in prepared)
        efforts = {part.work.effort for part, _ in prepared}
        cached = any(scored.cached.any() for _, scored in tables)
        self._pacing.observe(idle_ms, begun, efforts=efforts, cached=cached)
        # Who has an answer and asks again does not wait for what was just scored.
        turn.ms = 0.0
        for part, scored in tables:
            part.work.give(part, scored)
        self._wait_again(turn, one_at_a_time=True)
        texts = sum(len(part.positions) for part, _ in prepared)
        self._noted(Group(len(prepared), texts, idle_ms, (self._now() - begun) * 1000))

    def _prepare(self, part: Part) -> Iterable[Any]:
        """Return the part prepared, or nothing where that fails or nobody wants it."""
        if part.work.settled:
            return []
        try:
            return [self._scorer.prepare(*part.request(), part.work.effort)]
        except Exception as error:
            part.work.fail(error)
            return []

    def _together(self, prepared: Sequence[tuple[Part, Any]]) -> list[tuple[Part, Scored]]:
        """Return the parts with their tables. Where it fails, the halves are tried each by itself,
        so that in the end those parts fail alone that cannot be scored.
        """
        if not prepared:
            return []
        try:
            logits = self._scorer.score([one for _, one in prepared])
        except Exception as error:
            if len(prepared) == 1:
                prepared[0][0].work.fail(error)
                return []
            half = len(prepared) // 2
            return [*self._together(prepared[:half]), *self._together(prepared[half:])]
        return [
            (part, scored)
            for (part, one), of_one in zip(prepared, logits, strict=True)
            for scored in self._finish(part, one, of_one)
        ]

    def _finish(self, part: Part, prepared: Any, logits: Any) -> Iterable[Scored]:
        try:
            return [self._scorer.finish(prepared, logits)]
        except Exception as error:
            part.work.fail(error)
            return []

    def _pop(self, turn: _Turn, most_ms: float) -> AnyWork | None:
        with self._changed:
            work = self._queue.pop(most_ms)
            if work is not None:
                turn.works.append(work)
                turn.outside.append(work)
            return work

    def _pop_all(self) -> list[AnyWork]:
        with self._changed:
            return list(iter(lambda: self._queue.pop(0.0), None))

    def _end(self, turn: _Turn) -> None:
        with self._changed:
            self._turns.pop(turn, None)
            self._changed.notify_all()

    def _ahead_ms(self, turn: _Turn) -> float:
        """What other turns hold."""
        with self._changed:
            return sum(other.ms for other in self._turns if other is not turn)

    def _in_flight_ms(self) -> float:
        return sum(turn.ms + sum(work.left_ms for work in turn.outside) for turn in self._turns)


class _Turn:
    """What a thread holds: the requests it took from the queue, those of them that are not in the
    queue again, what the parts take that it took, and since when.
    """

    def __init__(self) -> None:
        self.works: list[AnyWork] = []
        self.outside: list[AnyWork] = []
        self.ms = self.begun = 0.0
