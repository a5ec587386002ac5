"""A service that calls the library in a few threads: each job by itself, in the order they came."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

import anyio
import anyio.to_thread

from secondpass.errors import Argument, EngineError, InputError, ModelError, ScoreError
from secondpass.serve.contract import (
    Answer,
    Busy,
    Closed,
    DeadlineTooShort,
    Failed,
    Job,
    ServedModel,
    TookTooLong,
)
from secondpass.serve.models import ModelEntry, ModelNames
from secondpass.types import ModelInfo

if TYPE_CHECKING:
    from secondpass.reranker import CrossEncoderReranker

T = TypeVar("T")


class DirectService:
    """Scores each job as `CrossEncoderReranker.score` does.

    Args:
        entries: the models; the first is loaded at the start, others when they are asked for.
        threads: how many jobs are scored at a time.
        most_waiting: how many may wait besides; the next is refused.
        timeout_s: how long a job may take, waiting included.
    """

    def __init__(
        self,
        entries: Sequence[ModelEntry],
        *,
        threads: int = 4,
        most_waiting: int = 64,
        timeout_s: float = 60.0,
    ) -> None:
        self._names = ModelNames(entries)
        self._threads, self._most_waiting, self._timeout_s = threads, most_waiting, timeout_s
        self._loaded: dict[str, CrossEncoderReranker] = {}
        self._loading = threading.Lock()
        self._waiting = 0
        self._closed = False

    async def rank(self, job: Job) -> Answer:
        """Return the job's answer."""
        (answer,) = await self.rank_together([job])
        return answer

    async def rank_together(self, jobs: Sequence[Job]) -> list[Answer]:
        """Return the answers of a request's jobs, one after the other."""
        entries = [self._names.find(job.model) for job in jobs]
        return await self._in_thread(
            lambda: [self._score(entry, job) for entry, job in zip(entries, jobs, strict=True)]
        )

    def models(self) -> Sequence[ServedModel]:
        """Return what is served."""
        loaded = dict(self._loaded)
        return [
            ServedModel(
                one.name, one.aliases, loaded[one.name].info if one.name in loaded else None
            )
            for one in self._names.entries
        ]

    async def describe(self, name: str | None = None) -> ModelInfo:
        """Return what a model is."""
        entry = self._names.find(name)
        return await self._in_thread(lambda: self._reranker(entry).info)

    def why_not_ready(self) -> str | None:
        """Return why a request would not be answered now."""
        if self._closed:
            return "the server is ending"
        return None if self._loaded else "the model is being loaded"

    async def __aenter__(self) -> DirectService:
        """Load the default model."""
        self._limiter = anyio.CapacityLimiter(self._threads)
        await anyio.to_thread.run_sync(partial(self._reranker, self._names.entries[0]))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Refuse what comes and free the models, which wait for the batches being computed."""
        self._closed = True
        for reranker in self._loaded.values():
            await anyio.to_thread.run_sync(reranker.close)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._closed:
            raise Closed
        if self._waiting >= self._most_waiting + self._threads:
            raise Busy(1.0)
        self._waiting += 1
        try:
            with anyio.fail_after(self._timeout_s):
                return await anyio.to_thread.run_sync(
                    work, abandon_on_cancel=True, limiter=self._limiter
                )
        except TimeoutError:
            raise TookTooLong(self._timeout_s) from None
        except (EngineError, ScoreError, MemoryError) as error:
            if self._closed:
                raise Closed from None
            raise Failed(type(error).__name__, str(error)) from error
        finally:
            self._waiting -= 1

    def _score(self, entry: ModelEntry, job: Job) -> Answer:
        from secondpass.serve.cut_texts import cut_texts, with_lost_tokens

        reranker = self._reranker(entry)
        if job.instruction is not None:
            raise InputError(
                Argument("instruction"),
                " is the model's and not a request's here: start the server with it",
            )
        texts, lost = cut_texts(reranker.model, job.texts, job.max_tokens)
        scores = reranker.score(
            job.query,
            texts,
            budget_ms=job.budget_ms,
            long_query=job.long_query,
            effort=job.effort,
            activation=job.activation,
        )
        if job.budget_ms is not None and job.when_late == "refuse" and not scores.scored.all():
            raise DeadlineTooShort(job.budget_ms)
        return Answer(entry.name, with_lost_tokens(scores, lost))

    def _reranker(self, entry: ModelEntry) -> CrossEncoderReranker:
        """Return the model, loaded when it is first asked for; one loads at a time."""
        from secondpass.reranker import CrossEncoderReranker

        with self._loading:
            if entry.name not in self._loaded:
                try:
                    self._loaded[entry.name] = CrossEncoderReranker.from_options(entry.options)
                except ModelError as error:
                    raise Failed(type(error).__name__, str(error)) from error
            return self._loaded[entry.name]
