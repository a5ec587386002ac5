"""The three drawings: distributions, stage shares, the depth curve."""

from __future__ import annotations

from typing import Any

from secondpass.bench.result import BenchResult
from secondpass.bench.table import STAGES, number
from secondpass.report.figures import SERIES, subplots, to_svg
from secondpass.report.page import Figure
from secondpass.stats.percentiles import needed, percentile
from secondpass.stats.summary import Estimate

# The stages that add up to the pipeline, each with its color.
_PARTS = {
    "embed_ms": SERIES[1],
    "search_ms": SERIES[2],
    "tokenize_ms": SERIES[3],
    "batch_ms": SERIES[4],
    "infer_ms": SERIES[0],
    "rank_ms": SERIES[5],
}


def distribution(result: BenchResult) -> Figure:
    """Draw the share of queries answered within a time: dense, and rerank."""
    figure, axes = subplots()
    columns = [("rerank", "rerank_ms")]
    if result.row("dense_ms") is not None:
        columns.insert(0, ("dense retrieval", "dense_ms"))
    percents = [one for one in (50, 95, 99) if len(result.measured) >= needed(one)]
    for (label, key), color in zip(columns, SERIES, strict=False):
        values = [getattr(served.times, key) for served in result.measured]
        axes.ecdf(values, color=color, label=label)
        for percent in percents:
            _mark(axes, float(percentile(values, percent)), percent, color)
    axes.set(xscale="log", xlabel="ms (logarithmic)", ylabel="share of queries", ylim=(0, 1.04))
    _plain_numbers(axes.xaxis)
    axes.legend(loc="center")
    caption = "Share of queries that took at most the time on the axis."
    if percents:
        caption += f" The points are {', '.join(f'P{one}' for one in percents)}."
    return Figure(to_svg(figure), caption)


def shares(result: BenchResult) -> Figure:
    """Draw the mean milliseconds of each stage end to end."""
    figure, axes = subplots(height=2.2)
    means = {key: row.summary.mean.value for key in _PARTS if (row := result.row(key)) is not None}
    total, left = sum(means.values()), 0.0
    for key, mean in means.items():
        label = f"{STAGES[key]} {number(mean)} ms ({mean / total:.1%})"
        axes.barh(0, mean, left=left, color=_PARTS[key], label=label)
        left += mean
    axes.set(xlabel="mean ms of one query", yticks=[], xlim=(0, total))
    axes.grid(axis="y", visible=False)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    return Figure(to_svg(figure), "Mean milliseconds of one query by stage.")


def depth_curve(result: BenchResult) -> Figure:
    """Draw P50 and P95 of the rerank against depth, with their intervals."""
    figure, axes = subplots()
    for label, color, marker in (("p50", SERIES[0], "o"), ("p95", SERIES[1], "s")):
        points = [
            (point.depth, estimate)
            for point in result.depth_curve
            if (estimate := getattr(point.rerank_ms, label)) is not None
        ]
        depths = [depth for depth, _ in points]
        axes.errorbar(
            depths,
            [estimate.value for _, estimate in points],
            yerr=_bars([estimate for _, estimate in points]),
            color=color,
            marker=marker,
            capsize=3,
            label=label.upper(),
        )
    axes.set(xlabel="depth (candidates reranked)", ylabel="rerank ms", xlim=(0, None))
    axes.set_ylim(bottom=0)
    axes.set_xticks([point.depth for point in result.depth_curve])
    axes.legend(loc="upper left")
    return Figure(to_svg(figure), "Milliseconds to rerank each depth, with 95 % intervals.")


def _mark(axes: Any, value: float, percent: int, color: str) -> None:
    axes.plot([value], [percent / 100], "o", color=color, markersize=5)


def _plain_numbers(axis: Any) -> None:
    """Label a logarithmic axis 20, 50, 100 and not with powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _bars(estimates: list[Estimate]) -> list[list[float]]:
    """Return how far each interval reaches below and above its value."""
    below = [
        estimate.value - (estimate.value if estimate.low is None else estimate.low)
        for estimate in estimates
    ]
    above = [
        (estimate.value if estimate.high is None else estimate.high) - estimate.value
        for estimate in estimates
    ]
    return [below, above]
