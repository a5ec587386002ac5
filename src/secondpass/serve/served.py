"""One model that is being served: its reranker, its batcher, and the threads of that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from secondpass.cost.text_cost import TextCost
from secondpass.deadline.budget import Budget
from secondpass.deadline.cached_texts import CachedTexts
from secondpass.errors import Argument, InputError
from secondpass.reranker import CrossEncoderReranker
from secondpass.scorer import Request
from secondpass.scoring.candidates import checked_list, checked_query
from secondpass.scoring.scored import Scored
from secondpass.scoring.scores import to_scores
from secondpass.serve.admission import Outlook
from secondpass.serve.batcher import Batcher, Group
from secondpass.serve.contract import Answer, DeadlineTooShort, Job
from secondpass.serve.cut_texts import cut_texts, with_lost_tokens
from secondpass.serve.fair_queue import due_ms
from secondpass.serve.pace import Pacing
from secondpass.serve.slices import InTime, LikeLengths, Slices, WholeBlocks, texts_ms
from secondpass.serve.work import Work
from secondpass.serve.workers import Workers
from secondpass.types import ModelInfo

# One prepares a group while the other's is computed.
WORKERS = 2
# Tokens of a group for each stream of the engine: enough to be computed well, and few enough for
# those who wait. They are priced as those of texts of a usual length.
GROUP_TOKENS = 1024
_USUAL_LENGTH = 128


@dataclass(frozen=True, slots=True)
class Ticket:
    """A job on its way: the work, the budget that runs, and what scoring it takes."""

    job: Job
    work: Work[Answer]
    budget: Budget | None
    own_ms: float
    first_ms: float


class Served:
    """A loaded model, and the threads that score with it.

    Args:
        name: what answers call it.
        reranker: the model; `close` closes it.
        cost: what its texts take.
        group_tokens: about how many tokens are scored together, for each stream of the engine.
        noted: told of every group.
    """

    def __init__(
        self,
        name: str,
        reranker: CrossEncoderReranker,
        cost: TextCost,
        *,
        group_tokens: int = GROUP_TOKENS,
        noted: Callable[[Group], object] = lambda _: None,
    ) -> None:
        self.name, self.reranker, self._cost = name, reranker, cost
        # When the last request ended.
        self.used = perf_counter()
        self._pacing = Pacing(perf_counter)
        length = min(_USUAL_LENGTH, cost.max_length)
        group_ms = cost.streams * group_tokens / length * cost.line.each_ms(length)
        self.batcher = Batcher(reranker.scorer, self._pacing, group_ms=group_ms, noted=noted)
        self.workers = Workers(self.batcher.step, WORKERS, f"secondpass-{name}"[:40])

    @property
    def info(self) -> ModelInfo:
        """What is loaded."""
        return self.reranker.info

    def ticket(self, job: Job, client: str) -> Ticket:
        """Return a job as work that nobody has yet.

        Raises:
            InputError: the model does not take what the job asks for.
        """
        if job.instruction not in (None, self.info.instruction):
            raise InputError(
                Argument("instruction"),
                " is the model's and not a request's here: start the server with it",
            )
        effort = job.effort or self.reranker.options.effort
        request = Request(checked_query(job.query), checked_list(job.texts))
        budget = (
            None if job.budget_ms is None else Budget.start(job.budget_ms, spent_ms=job.waited_ms)
        )
        each_ms = self._pacing.share(effort) * texts_ms(self._cost_of(job), *request)
        takes_ms = float(each_ms.sum()) + self._cost.line.call_ms
        now_ms = perf_counter() * 1000
        opening = _Opening(self.reranker, job)
        work = Work(
            request,
            self._slices(job, request, each_ms, budget),
            partial(self._answer, job, opening),
            now=perf_counter,
            effort=effort,
            client=client,
            due_ms=due_ms(now_ms, takes_ms, None if budget is None else now_ms + budget.left_ms()),
            opened=opening,
        )
        opening.work = work
        first_ms = float(each_ms[0]) if len(each_ms) else 0.0
        return Ticket(job, work, budget, self._pacing.ms(takes_ms), self._pacing.ms(first_ms))

    def outlook(self, tickets: Sequence[Ticket]) -> Outlook:
        """Return what the jobs of one client would meet now."""
        first = tickets[0]
        idle_ms = sum(ticket.work.left_ms for ticket in tickets)
        wait_ms = self.batcher.wait_ms(first.work.client, idle_ms, first.work.due_ms)
        own_ms = sum(ticket.own_ms for ticket in tickets)
        # One slow moment would be believed for ever where every request has a deadline.
        idle = self.batcher.idle
        guessed = idle and self._pacing.pace().stale
        return Outlook(wait_ms, self.batcher.waiting, own_ms, first.first_ms, guessed, idle)

    def close(self, seconds: float) -> bool:
        """Score what waits, for at most `seconds`, and free the model; tell whether all was scored.

        What is not scored by then fails: `Closed`.
        """
        self.batcher.close()
        ended = self.workers.join(seconds)
        self.batcher.drop()
        self.reranker.close()
        return ended

    def _cost_of(self, job: Job) -> TextCost:
        """Return what texts take of which the job has only a part scored."""
        if job.max_tokens is None:
            return self._cost
        most = int(self._cost.query_tokens(job.query)) + job.max_tokens
        return replace(self._cost, max_length=min(self._cost.max_length, most))

    def _slices(
        self, job: Job, request: Request, each_ms: NDArray[np.float64], budget: Budget | None
    ) -> Slices:
        effort = job.effort or self.reranker.options.effort
        scorer = self.reranker.scorer
        most = scorer.most_texts(effort)
        if budget is not None:
            scorer.pricing()  # a cascade has no first texts
            known = self.reranker.find_known if effort == "full" else None
            return InTime(
                each_ms,
                most,
                texts=CachedTexts(known, request.query, request.texts),
                cost=self._cost_of(job),
                pacing=self._pacing,
                effort=effort,
                budget=budget,
            )
        chooses = effort != "full" or self.reranker.options.cascade is not None
        return (WholeBlocks if chooses else LikeLengths)(each_ms, most)

    def _answer(self, job: Job, opening: _Opening, scored: Scored) -> Answer:
        work = opening.work
        scores = to_scores(
            scored,
            len(job.texts),
            job.activation or self.reranker.model.activation,
            work.arrived,
        )
        if job.budget_ms is not None and job.when_late == "refuse" and not scores.scored.all():
            raise DeadlineTooShort(job.budget_ms)
        timings = replace(scores.timings, query_dropped_tokens=opening.query_dropped)
        scores = with_lost_tokens(replace(scores, timings=timings), opening.lost)
        return Answer(self.name, scores, job.waited_ms + work.waited_ms)


class _Opening:
    """Cuts a job's query and texts as it asks, when its turn comes; notes what was cut."""

    work: Work[Answer]

    def __init__(self, reranker: CrossEncoderReranker, job: Job) -> None:
        self._reranker, self._job = reranker, job
        self.query_dropped = 0
        self.lost: NDArray[np.int64] | None = None

    def __call__(self, request: Request) -> Request:
        query, texts = request
        if self._job.long_query == "truncate":
            query, self.query_dropped = self._reranker.cut_query(query)
        texts, self.lost = cut_texts(self._reranker.model, texts, self._job.max_tokens)
        return Request(query, texts)
