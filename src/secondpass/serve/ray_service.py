"""The service of a front on Ray Serve: jobs go to whichever replica Ray chooses."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from secondpass.serve.client import client
from secondpass.serve.contract import Answer, Busy, Failed, Job, ServedModel
from secondpass.serve.models import ModelEntry, ModelNames
from secondpass.serve.timed import TimedService
from secondpass.types import ModelInfo

T = TypeVar("T")

# Replicas that a request is given to, where those before died under it: scoring it again does no
# harm, but a request that kills its replica would kill them all.
TRIES = 3
# When a request that Ray's queue has no room for may come again.
_RETRY_AFTER_S = 1.0


class RayService(TimedService):
    """Scores jobs by the replicas of a deployment.

    Args:
        replicas: Ray's handle of them.
        entry: the model that they have.
        timeout_s: how long a request may take, all waiting and trying again included.
    """

    def __init__(self, replicas: Any, entry: ModelEntry, *, timeout_s: float) -> None:
        super().__init__(timeout_s)
        self._replicas = replicas
        self._names = ModelNames([entry])
        self._info: ModelInfo | None = None

    def models(self) -> Sequence[ServedModel]:
        """Return what is served."""
        (entry,) = self._names.entries
        return [ServedModel(entry.name, entry.aliases, self._info)]

    async def describe(self, name: str | None = None) -> ModelInfo:
        """Return what the model is."""
        self._names.find(name)
        if self._info is None:
            self._info = await self._call(lambda: self._replicas.describe.remote())
        return self._info

    def why_not_ready(self) -> str | None:
        """Return why a request would not be answered now, as far as a front knows."""
        if self._closed:
            return "the server is ending"
        return "no replica has the model yet" if self._info is None else None

    async def __aenter__(self) -> RayService:
        """Wait for a replica that has the model."""
        await self.describe()
        return self

    async def _end(self) -> None:
        """Do nothing: Ray ends a front once it has answered."""

    async def _scored(self, jobs: Sequence[Job]) -> list[Answer]:
        """Return the answers of one replica."""
        sent, who = time.time(), client.get()
        for job in jobs:
            self._names.find(job.model)
        answers: list[Answer] = await self._call(
            lambda: self._replicas.rank_together.remote(list(jobs), who, sent)
        )
        return answers

    async def _call(self, send: Callable[[], Awaitable[Any]]) -> Any:
        """Return what a replica gives, and raise what it gives as an error."""
        from ray.exceptions import RayActorError, RayError
        from ray.serve.exceptions import BackPressureError, RayServeException

        failure: Exception | None = None
        for _ in range(TRIES):
            try:
                result = await _awaited(send())
            except BackPressureError:
                raise Busy(_RETRY_AFTER_S, "every replica has all the work it takes") from None
            except RayActorError as error:
                failure = error
            except (RayError, RayServeException) as error:
                # Its message may hold a text of the request.
                raise Failed(type(error).__name__, "Ray could not call a replica") from error
            else:
                if isinstance(result, Exception):
                    raise result
                return result
        assert failure is not None
        raise Failed(
            type(failure).__name__, f"{TRIES} replicas died while they had the request"
        ) from failure


async def _awaited(response: Any) -> Any:
    """Return what a response gives; a call that is cancelled cancels it in its replica."""
    try:
        return await response
    except asyncio.CancelledError:
        response.cancel()
        raise
