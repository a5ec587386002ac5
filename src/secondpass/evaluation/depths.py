"""Quality against latency: what each depth of reranking gives, and what it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from secondpass.evaluation.collection import Collection
from secondpass.evaluation.fused import scores_at
from secondpass.evaluation.measures import Measures
from secondpass.evaluation.rerank import Rescored, TextScorer, at_depth, candidate_texts
from secondpass.evaluation.result import Curve, CurvePoint, Latency
from secondpass.evaluation.runs import Run
from secondpass.options.fusion import Fusion
from secondpass.stats.percentiles import percentile, unsupported

# Each depth is timed on this many queries: enough for the median, and it need not take long.
TIMED_QUERIES = 20
# "As good as the best" is within this share of it.
_NEAR_BEST = 0.01


def to_latency(times_ms: Iterable[float]) -> Latency | None:
    """Summarize the times of single queries; None without any."""
    times = np.fromiter(times_ms, np.float64)
    if not times.size:
        return None

    def at(percent: int) -> float | None:
        return None if unsupported(percent, times.size) else float(percentile(times, percent))

    return Latency(times.size, float(times.mean()), at(50), at(95))


def time_depths(
    collection: Collection,
    run: Run,
    reranker: TextScorer,
    query_ids: Sequence[str],
    depths: Sequence[int],
    advance: Callable[[int], None],
) -> tuple[dict[int, Latency], bool]:
    """Rerank each query at each depth and time it; tell also whether all were timed.

    All depths of one query come together, so that a machine that slows down slows all of them. An
    interrupt ends it early, with the queries that were timed at every depth.
    """
    times: list[list[float]] = []
    try:
        for query_id in query_ids:
            texts = candidate_texts(collection, run[query_id][: max(depths)])
            of_query = []
            for depth in depths:
                scores = reranker.score(collection.queries[query_id], texts[:depth])
                of_query.append(scores.timings.total_ms)
                advance(1)
            times.append(of_query)
    except KeyboardInterrupt:
        complete = False
    else:
        complete = True
    latencies = (to_latency(of_depth) for of_depth in zip(*times, strict=True))
    by_depth = zip(depths, latencies, strict=False)  # no query may have been timed
    return {depth: latency for depth, latency in by_depth if latency}, complete


def timed_queries(rescored: Rescored, seed: int) -> list[str]:
    """Choose the queries to time by."""
    ids = list(rescored.scores)
    if len(ids) <= TIMED_QUERIES:
        return ids
    chosen = np.random.default_rng(seed).choice(len(ids), TIMED_QUERIES, replace=False)
    return [ids[at] for at in sorted(chosen)]


def quality_curve(
    run: Run,
    rescored: Rescored,
    fusion: Fusion,
    queries: Mapping[str, str],
    measures: Measures,
    depths: Sequence[int],
    latencies: Mapping[int, Latency],
) -> Curve:
    """Measure the run at each depth, and without reranking as depth 0.

    No depth is scored again: a candidate's own score does not depend on the others'.
    """
    points = []
    for depth in (0, *depths):
        fused = scores_at(run, rescored, depth, fusion, queries) if depth else None
        reranked = run if fused is None else at_depth(run, fused, depth)
        values = measures.values(reranked)
        means = {name: float(found.mean()) for name, found in values.items()}
        points.append(CurvePoint(depth, means, latencies.get(depth)))
    return to_curve(points, measures.names[0])


def to_curve(points: Sequence[CurvePoint], measure: str) -> Curve:
    """Name the best depth, and the smallest that is within 1 % of it."""
    best = max(points, key=lambda point: point.values[measure])
    least = (1 - _NEAR_BEST) * best.values[measure]
    enough = min(point.depth for point in points if point.values[measure] >= least)
    return Curve(measure, tuple(points), best.depth, enough)
