"""A replica on Ray Serve: the service that batches, called by name from another process."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from secondpass.errors import InputError
from secondpass.options.model import RerankerOptions
from secondpass.serve.batching import BatchingService
from secondpass.serve.client import client
from secondpass.serve.contract import Answer, Job, ServiceError
from secondpass.serve.models import ModelEntry
from secondpass.serve.ray_scaling import WAIT_MS
from secondpass.types import ModelInfo


class Replica:
    """One model in one process.

    What the library or the service raises is returned and not raised: Ray would log it, and wrap
    it in an error of its own.

    Args:
        model: the options of `CrossEncoderReranker`.
        names: what clients may call the model; the first is its name.
        limits: further arguments of `BatchingService`.
    """

    def __init__(
        self, model: Mapping[str, Any], names: Sequence[str], limits: Mapping[str, Any]
    ) -> None:
        entry = ModelEntry(names[0], RerankerOptions.from_dict(model), tuple(names[1:]))
        self._service = BatchingService([entry], idle_s=None, **limits)

    async def begin(self) -> None:
        """Load the model, in the loop that calls."""
        await self._service.__aenter__()

    async def rank_together(
        self, jobs: Sequence[Job], who: str, sent: float
    ) -> list[Answer] | InputError | ServiceError:
        """Return the answers of a request, or why there are none.

        Args:
            jobs: those of the request.
            who: the client, for its share of the time.
            sent: the wall time at which the front got the request: since then budgets run.
        """
        waited_ms = max(0.0, time.time() - sent) * 1000
        client.set(who)
        try:
            return await self._service.rank_together(
                [replace(job, waited_ms=job.waited_ms + waited_ms) for job in jobs]
            )
        except (InputError, ServiceError) as error:
            return error

    async def describe(self) -> ModelInfo | InputError | ServiceError:
        """Return what the model is, or why it cannot be loaded."""
        try:
            return await self._service.describe()
        except (InputError, ServiceError) as error:
            return error

    async def check_health(self) -> None:
        """Raise where a request would not be answered; Ray replaces a replica that stays so."""
        why = self._service.why_not_ready()
        if why is not None:
            raise RuntimeError(why)

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """Return what `ByQueueTime` reads."""
        return {WAIT_MS: self._service.predicted_wait_ms}

    async def end(self) -> None:
        """Finish what is in flight and free the model."""
        await self._service.__aexit__(None, None, None)
