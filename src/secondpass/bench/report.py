"""The result as one HTML page: the table, the distributions, the depth curve, the stage shares."""

from __future__ import annotations

from secondpass.bench import drawings
from secondpass.bench.result import BenchResult
from secondpass.bench.setting_lines import facts, load, start_lines
from secondpass.bench.summary_text import notes, summary
from secondpass.bench.table import cells, shown
from secondpass.report.page import Section, Table, render

EFFORT_HEAD = ("effort", "candidates", "from states", "rerank P50 ms", "rerank P95 ms")
STATISTICS = ("P50 ms", "P95 ms", "P99 ms", "mean ms")


def make_page(result: BenchResult) -> str:
    """Return the page."""
    sections = [
        Section("Latency", _table_text(result), tables=[_table(result)]),
        Section("Distribution", figures=[drawings.distribution(result)]),
        Section("Where the time goes", figures=[drawings.shares(result)]),
        *_depth(result),
        *_efforts(result),
        Section("Start and use", tables=[Table(("what", "value"), start_lines(result))]),
        Section("What the numbers depend on", tables=[Table(("what", "value"), facts(result))]),
    ]
    return render("secondpass bench", summary(result), sections)


def depth_rows(result: BenchResult) -> list[list[str]]:
    """Return depth, candidates, P50 and P95 of each point of the depth curve."""
    return [
        [
            str(point.depth),
            f"{point.candidates:g}",
            shown(point.rerank_ms.p50),
            shown(point.rerank_ms.p95),
        ]
        for point in result.depth_curve
    ]


def effort_rows(result: BenchResult) -> list[list[str]]:
    """Return effort, candidates, how many of them from states, P50 and P95 of each effort."""
    return [
        [
            point.effort,
            f"{point.candidates:g}",
            f"{point.from_states:g}",
            shown(point.rerank_ms.p50),
            shown(point.rerank_ms.p95),
        ]
        for point in result.from_states
    ]


def _table_text(result: BenchResult) -> str:
    text = (
        f"Milliseconds of {len(result.measured)} queries, each with its 95 % interval by "
        f"bootstrap; {load(result.setting)}. Each percentile is a time that was measured."
    )
    return "\n".join([text, *(f"Note: {note}." for note in notes(result))])


def _table(result: BenchResult) -> Table:
    return Table(("stage", *STATISTICS), [[row.label, *cells(row)] for row in result.rows])


def _depth(result: BenchResult) -> list[Section]:
    if not result.depth_curve:
        return []
    count = result.depth_curve[0].rerank_ms.count
    return [
        Section(
            "Depth",
            f"The rerank alone, in milliseconds, of {count} queries at each depth, one at a time.",
            tables=[Table(("depth", "candidates", "P50 ms", "P95 ms"), depth_rows(result))],
            figures=[drawings.depth_curve(result)],
        )
    ]


def _efforts(result: BenchResult) -> list[Section]:
    if not result.from_states:
        return []
    count = result.from_states[0].rerank_ms.count
    return [
        Section(
            "From states",
            f"The rerank alone, in milliseconds, of {count} queries at each effort, one at a time, "
            "of candidates that bring their states.",
            tables=[Table(EFFORT_HEAD, effort_rows(result))],
        )
    ]
