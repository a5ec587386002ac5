"""The service that batches: it lets jobs in, has them scored together, and watches its threads."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress

from secondpass.checks import plain_number
from secondpass.errors import EngineError, InputError
from secondpass.reranker import CrossEncoderReranker
from secondpass.serve.admission import Admission
from secondpass.serve.client import client
from secondpass.serve.contract import (
    Answer,
    Closed,
    Failed,
    Job,
    ServedModel,
    ServiceError,
)
from secondpass.serve.counted_engine import CountedEngine
from secondpass.serve.models import ModelEntry
from secondpass.serve.registry import Registry
from secondpass.serve.served import GROUP_TOKENS, Served, Ticket
from secondpass.serve.slices import FINISH_MS
from secondpass.serve.timed import TimedService
from secondpass.serve.work import Work
from secondpass.types import ModelInfo

_log = logging.getLogger("secondpass.serve")

# How long a request may be going to wait.
MOST_WAIT_MS = 2_000.0
# After how long a model that nobody asked for is freed.
IDLE_S = 900.0
# How long the end waits for what is in flight.
GRACE_S = 30.0
# How often dead threads and idle models are looked for.
_WATCH_S = 1.0


class BatchingService(TimedService):
    """Scores jobs of all clients together, as `CrossEncoderReranker.score` scores each alone.

    Args:
        entries: the models; the first is loaded at the start, others when they are asked for.
        most_wait_ms: a job that would wait longer is refused.
        timeout_s: how long a job may take, waiting included.
        idle_s: after how long a model that nobody asked for is freed, except the first; None for
            never.
        grace_s: how long the end waits for what is in flight.
        group_tokens: about how many tokens are scored together, for each stream of the engine.
    """

    def __init__(
        self,
        entries: Sequence[ModelEntry],
        *,
        most_wait_ms: float = MOST_WAIT_MS,
        timeout_s: float = 60.0,
        idle_s: float | None = IDLE_S,
        grace_s: float = GRACE_S,
        group_tokens: int = GROUP_TOKENS,
    ) -> None:
        super().__init__(timeout_s)
        self._registry = Registry(entries, self._load, idle_s=idle_s)
        self._admission = Admission(most_wait_ms)
        self._group_tokens, self._grace_s = group_tokens, grace_s
        self._watching: asyncio.Task[None] | None = None
        loaded = self._registry.loaded
        for name, what, value in (
            (
                "waiting_requests",
                "Requests that wait for their turn.",
                lambda: sum(one.batcher.waiting for one in loaded.values()),
            ),
            (
                "predicted_wait_seconds",
                "How long it takes until nothing waits.",
                lambda: self.predicted_wait_ms / 1000,
            ),
            ("models_loaded", "Models in memory.", lambda: len(loaded)),
        ):
            self.metrics.gauge(name, what, value)

    @property
    def predicted_wait_ms(self) -> float:
        """Return how long it takes until nothing waits."""
        return sum(one.batcher.all_ms() for one in self._registry.loaded.values())

    def models(self) -> Sequence[ServedModel]:
        """Return what is served."""
        loaded = self._registry.loaded
        return [
            ServedModel(
                one.name, one.aliases, loaded[one.name].info if one.name in loaded else None
            )
            for one in self._registry.names.entries
        ]

    async def describe(self, name: str | None = None) -> ModelInfo:
        """Return what a model is."""
        async with self._registry.use(name) as served:
            return served.info

    def why_not_ready(self) -> str | None:
        """Return why a request would not be answered now."""
        if self._closed:
            return "the server is ending"
        loaded = self._registry.loaded
        if self._registry.names.entries[0].name not in loaded:
            return "the model is being loaded"
        if any(served.workers.dead for served in loaded.values()):
            return "a thread that scores ended by an error and is being replaced"
        if any(served.batcher.oldest_s > self._timeout_s for served in loaded.values()):
            limit = plain_number(self._timeout_s)
            return f"a group of texts has been computed for more than {limit} seconds"
        return None

    async def __aenter__(self) -> BatchingService:
        """Load the default model."""
        await self.describe()
        self._watching = asyncio.create_task(self._watch())
        return self

    async def _end(self) -> None:
        """Finish what is in flight, refuse the rest and free the models."""
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching
        await self._registry.close(self._grace_s)

    async def _scored(self, jobs: Sequence[Job]) -> list[Answer]:
        """Return the answers, or raise what a service raises."""
        with self._own_errors():
            return await self._admitted(jobs)

    async def _admitted(self, jobs: Sequence[Job]) -> list[Answer]:
        """Let the jobs in, or refuse them as one, and wait for their answers."""
        async with AsyncExitStack() as models:
            names = dict.fromkeys(job.model for job in jobs)
            used = {
                name: await models.enter_async_context(self._registry.use(name)) for name in names
            }
            tickets = [used[job.model].ticket(job, client.get()) for job in jobs]
            try:
                for name, model in used.items():
                    self._submit(model, [one for one in tickets if one.job.model == name])
                return await _answers(tickets)
            finally:
                # The first error ends the others, and so does a client that goes away.
                for one in tickets:
                    one.work.future.cancel()

    def _submit(self, model: Served, tickets: Sequence[Ticket]) -> None:
        """Let work wait for its turn; what has no time for one text is answered as it is."""
        outlook = model.outlook(tickets)
        self._admission.require_room(outlook)
        in_time: list[Work[Answer]] = []
        late: list[Work[Answer]] = []
        for ticket in tickets:
            has_time = ticket.budget is None or self._admission.has_time(
                outlook,
                ticket.budget.left_ms(),
                ticket.job.when_late,
                budget_ms=ticket.job.budget_ms,
            )
            (in_time if has_time and len(ticket.job.texts) else late).append(ticket.work)
        for work in late:
            work.expire()
        model.batcher.submit(in_time)

    async def _watch(self) -> None:
        """Replace dead threads and free idle models, for ever."""
        while True:
            await asyncio.sleep(_WATCH_S)
            try:
                await self.mend()
            except Exception as error:
                _log.error("the watch of threads and models failed with %s", type(error).__name__)

    async def mend(self) -> None:
        """Replace the threads that ended by an error, and free the models that nobody uses."""
        for served in self._registry.loaded.values():
            self.metrics.restarted(served.workers.mend())
        for name in await self._registry.free_idle():
            _log.info("%s was not asked for in a while and is freed", name)

    def _load(self, entry: ModelEntry) -> Served:
        reranker = CrossEncoderReranker.from_options(entry.options)
        for model in reranker.models:
            model.engine = CountedEngine(model.engine, self.metrics.batches)
        return Served(
            entry.name,
            reranker,
            reranker.text_cost(),
            group_tokens=self._group_tokens,
            noted=self.metrics.group,
        )

    @contextmanager
    def _own_errors(self) -> Iterator[None]:
        """Turn what a model raises into what a service raises."""
        try:
            yield
        except (InputError, ServiceError, TimeoutError):
            raise
        except EngineError as error:
            if self._closed:
                raise Closed from None
            raise Failed(type(error).__name__, str(error)) from error
        except Exception as error:
            raise Failed(type(error).__name__, str(error)) from error


async def _answers(tickets: Sequence[Ticket]) -> list[Answer]:
    """Wait for all, each until its deadline at most."""
    loop = asyncio.get_running_loop()
    timers = [
        loop.call_later(max(0.0, one.budget.left_ms() - FINISH_MS) / 1000, one.work.expire)
        for one in tickets
        if one.budget is not None
    ]
    try:
        return await asyncio.gather(*(asyncio.wrap_future(one.work.future) for one in tickets))
    finally:
        for timer in timers:
            timer.cancel()
