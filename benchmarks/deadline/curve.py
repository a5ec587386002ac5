"""nDCG@10 against the budget: every budget is really run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.deadline.result import Point
from benchmarks.quality.task import Task, in_order
from secondpass import CrossEncoderReranker
from secondpass.evaluation.measures import Measures
from secondpass.evaluation.rerank import candidate_texts
from secondpass.evaluation.runs import Ranked

MEASURE = "nDCG@10"


def curve_of(
    reranker: CrossEncoderReranker,
    task: Task,
    budgets: Sequence[float],
    advance: Callable[[int], None],
) -> list[Point]:
    """Return the first stage, each budget, and no limit, in this order."""
    measures = Measures((MEASURE,), task.collection.qrels)
    first = measures.values(task.run)[MEASURE]
    points = [_point(task, 0.0, first, first, 0.0)]
    for budget_ms in (*budgets, None):
        run, share = _rerank(reranker, task, budget_ms, advance)
        points.append(_point(task, budget_ms, measures.values(run)[MEASURE], first, share))
    return points


def _rerank(
    reranker: CrossEncoderReranker,
    task: Task,
    budget_ms: float | None,
    advance: Callable[[int], None],
) -> tuple[dict[str, tuple[Ranked, ...]], float]:
    """Return the run in the order that the budget gave, and the share of candidates scored."""
    run: dict[str, tuple[Ranked, ...]] = {}
    shares = []
    for query_id, ranked in task.run.items():
        texts = candidate_texts(task.collection, ranked)
        query = task.collection.queries[query_id]
        ranking = reranker.rank(query, texts, top_k=None, budget_ms=budget_ms)
        run[query_id] = in_order(ranked, (hit.index for hit in ranking))
        shares.append(ranking.timings.reranked / ranking.timings.candidates)
        advance(1)
    return run, float(np.mean(shares))


def _point(
    task: Task,
    budget_ms: float | None,
    values: NDArray[np.float64],
    first: NDArray[np.float64],
    share_read: float,
) -> Point:
    gains = values - first
    error = gains.std(ddof=1) / len(gains) ** 0.5 if len(gains) > 1 else 0.0
    return Point(
        collection=task.name,
        budget_ms=budget_ms,
        queries=len(values),
        ndcg=float(values.mean()),
        difference=float(gains.mean()),
        standard_error=float(error),
        share_read=share_read,
    )
