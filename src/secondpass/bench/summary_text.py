"""The result in a sentence or two, and what must be said beside it."""

from __future__ import annotations

from secondpass.bench.result import BenchResult, Row
from secondpass.bench.table import number
from secondpass.stats.percentiles import unsupported
from secondpass.stats.summary import Estimate, Summary

_PERCENTS = (50, 95, 99)


def summary(result: BenchResult) -> str:
    """Say what reranking takes, and how that compares with dense retrieval."""
    ratio = result.row("ratio")
    text = f"Reranking {_candidates(result)} takes {_percentiles(result.row('rerank_ms'))}."
    if ratio is not None:
        text += f" Dense retrieval alone takes {_percentiles(result.row('dense_ms'))}"
        median = ratio.summary.p50
        text += f", {compared(median.value)} at P50." if median else "."
    return text if result.complete else f"INCOMPLETE, interrupted: {text}"


def compared(ratio: float) -> str:
    """Say what dense retrieval takes in terms of reranking, which takes `ratio` times as much."""
    return f"{number(ratio)} times less" if ratio >= 1 else f"{number(1 / ratio)} times more"


def notes(result: BenchResult) -> list[str]:
    """Say what the numbers do not support or leave out."""
    count = len(result.measured)
    said = [note for percent in _PERCENTS if (note := unsupported(percent, count))]
    truncated = sum(served.times.truncated for served in result.measured)
    scored = sum(served.times.candidates for served in result.measured)
    if truncated:
        most = result.constraints.reranker.max_length
        said.append(f"{truncated} of {scored} candidates were cut at {most} tokens")
    if result.constraints.embedder is None:
        said.append("the candidates are fixed, so there is no dense stage to compare with")
    if count < result.setting.queries:
        said.append(f"interrupted after {count} of {result.setting.queries} queries")
    elif not result.complete:
        said.append("the depth curve or the times from states were interrupted")
    return said


def _candidates(result: BenchResult) -> str:
    counts = [served.times.candidates for served in result.measured]
    least, most = min(counts), max(counts)
    return f"{most} candidates" if least == most else f"{least} to {most} candidates"


def _percentiles(row: Row | None) -> str:
    """Return "P50 430 ms, P95 512 ms, P99 600 ms", or the mean of a sample too small for them."""
    if row is None:
        return "unknown"
    found = [
        f"P{percent} {number(estimate.value)} ms" for percent, estimate in _supported(row.summary)
    ]
    return ", ".join(found) or f"{number(row.summary.mean.value)} ms"


def _supported(summary: Summary) -> list[tuple[int, Estimate]]:
    each = zip(_PERCENTS, (summary.p50, summary.p95, summary.p99), strict=True)
    return [(percent, estimate) for percent, estimate in each if estimate is not None]
