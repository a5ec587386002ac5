"""Times calls with a budget, over the queries of one collection in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle, islice
from time import perf_counter

import numpy as np

from benchmarks.deadline.result import Timed
from benchmarks.quality.task import Task
from secondpass import CrossEncoderReranker
from secondpass.evaluation.rerank import candidate_texts

# A query and its candidates' texts, in first-stage order.
Question = tuple[str, Sequence[str]]


def questions_of(task: Task) -> list[Question]:
    """Return the task's queries with what the first stage found for them."""
    return [
        (task.collection.queries[query_id], candidate_texts(task.collection, ranked))
        for query_id, ranked in task.run.items()
    ]


def time_calls(
    reranker: CrossEncoderReranker,
    questions: Sequence[Question],
    *,
    load: str,
    budget_ms: float,
    calls: int,
    advance: Callable[[int], None],
) -> Timed:
    """Call `rank` that many times and compare each call's wall time with its budget."""
    overruns, shares = np.empty(calls), np.empty(calls)
    for at, (query, texts) in enumerate(islice(cycle(questions), calls)):
        started = perf_counter()
        ranking = reranker.rank(query, texts, budget_ms=budget_ms)
        overruns[at] = (perf_counter() - started) * 1000 - budget_ms
        shares[at] = ranking.timings.reranked / ranking.timings.candidates
        advance(1)
    return timed(overruns, shares, load=load, budget_ms=budget_ms)


def timed(overruns: np.ndarray, shares: np.ndarray, *, load: str, budget_ms: float) -> Timed:
    """Return the figures of the calls; a percentile is a value that was really measured."""
    p50, p99 = np.percentile(overruns, (50, 99), method="inverted_cdf")
    return Timed(
        load=load,
        budget_ms=budget_ms,
        calls=len(overruns),
        p50_overrun_ms=float(p50),
        p99_overrun_ms=float(p99),
        worst_overrun_ms=float(overruns.max()),
        allowed_ms=max(0.1 * budget_ms, 5.0),
        share_read=float(shares.mean()),
        unread_calls=int((shares == 0).sum()),
    )
