"""What every service does round scoring: a time limit, the count of what happens, and an end."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import TracebackType

from secondpass.serve.contract import Answer, Busy, Closed, DeadlineTooShort, Job, TookTooLong
from secondpass.serve.metrics import Metrics


class TimedService(ABC):
    """Scores the jobs of a request within a time limit, and counts answers and refusals.

    Args:
        timeout_s: how long a request may take, waiting included.
    """

    def __init__(self, timeout_s: float) -> None:
        self.metrics = Metrics()
        self._timeout_s = timeout_s
        self._closed = False

    @abstractmethod
    async def _scored(self, jobs: Sequence[Job]) -> list[Answer]:
        """Return the answers of a request's jobs, of which there is at least one."""

    @abstractmethod
    async def _end(self) -> None:
        """Finish what is in flight and free what the service has."""

    async def rank(self, job: Job) -> Answer:
        """Return the job's answer."""
        (answer,) = await self.rank_together([job])
        return answer

    async def rank_together(self, jobs: Sequence[Job]) -> list[Answer]:
        """Return the answers of a request's jobs, admitted or refused as one."""
        if not jobs:
            return []
        if self._closed:
            raise Closed
        try:
            async with asyncio.timeout(self._timeout_s):
                answers = await self._scored(jobs)
        except (Busy, DeadlineTooShort, TookTooLong) as error:
            self.metrics.refused(type(error).__name__)
            raise
        except TimeoutError:
            self.metrics.refused(TookTooLong.__name__)
            raise TookTooLong(self._timeout_s) from None
        self.metrics.answered(jobs, answers)
        return answers

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take no more requests, and end."""
        self._closed = True
        await self._end()
