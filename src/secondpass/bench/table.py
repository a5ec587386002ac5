"""The rows of the one table: each stage, both stages together, and their ratio."""

from __future__ import annotations

from collections.abc import Sequence

from secondpass.bench.result import Row, Served
from secondpass.stats.percentiles import summarize, summarize_ratio
from secondpass.stats.summary import Estimate, Summary

# Field of QueryTimes -> what the table calls it, in the order in which a query meets them.
STAGES = {
    "embed_ms": "query embedding",
    "search_ms": "vector search",
    "dense_ms": "dense retrieval",
    "tokenize_ms": "tokenize",
    "batch_ms": "batch",
    "infer_ms": "infer",
    "rank_ms": "rank",
    "rerank_ms": "rerank",
    "pipeline_ms": "whole pipeline",
}
# Field of Served -> its row. Only with an open loop do they differ from the pipeline's.
QUEUE = {"wait_ms": "wait in the queue", "response_ms": "answer, from arrival"}
RATIO = "rerank : dense"


def make_rows(served: Sequence[Served], *, dense: bool, queue: bool, seed: int) -> tuple[Row, ...]:
    """Summarize the measurements of each stage; without a dense stage, without its three rows."""
    columns = {
        key: [getattr(query.times, key) for query in served]
        for key in STAGES
        if dense or key not in ("embed_ms", "search_ms", "dense_ms")
    }
    rows = [Row(key, STAGES[key], "ms", summarize(columns[key], seed=seed)) for key in columns]
    if queue:
        for key, label in QUEUE.items():
            waits = [getattr(query, key) for query in served]
            rows.append(Row(key, label, "ms", summarize(waits, seed=seed)))
    if dense:
        ratio = summarize_ratio(columns["rerank_ms"], columns["dense_ms"], seed=seed)
        rows.append(Row("ratio", RATIO, "times", ratio))
    return tuple(rows)


def cells(row: Row) -> list[str]:
    """Return P50, P95, P99 and mean as text, each with its interval."""
    return [shown(estimate, row.unit) for estimate in estimates(row.summary)]


def brief_cells(row: Row) -> list[str]:
    """Return the cells as a terminal has room for: the mean without its interval."""
    mean = row.summary.mean
    return [*cells(row)[:3], shown(Estimate(mean.value, None, None), row.unit)]


def estimates(summary: Summary) -> tuple[Estimate | None, ...]:
    """Return P50, P95, P99 and mean."""
    return (summary.p50, summary.p95, summary.p99, summary.mean)


def shown(estimate: Estimate | None, unit: str = "ms") -> str:
    """Return "12.3 [11.9, 13.0]", with a times sign for ratios, or a dash for None."""
    if estimate is None:
        return "–"
    sign = "x" if unit == "times" else ""
    value = f"{number(estimate.value)}{sign}"
    if estimate.low is None or estimate.high is None:
        return value
    return f"{value} [{number(estimate.low)}, {number(estimate.high)}]"


def number(value: float) -> str:
    """Return a number with three digits that count: 0.0123, 1.23, 12.3, 1234."""
    if value >= 100:
        return f"{value:.0f}"
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 1 else f"{value:.3f}"
