"""A dot plot: a row for each collection, BM25, bi-encoder and rerankers with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.quality.markdown import SHIPPED
from benchmarks.quality.result import Quality
from secondpass.report.figures import INK, SERIES, SOFT, subplots

_MARKERS = "osD^vP"
# Height of a collection's band that its systems share.
_BAND = 0.6
_INCHES_A_ROW = 0.62


def draw(result: Quality) -> Any:
    """Return a figure of the first stages, the shipped reranker and its fusions."""
    labels = [one.label for one in result.systems if one.kind != "reranker" or one.label == SHIPPED]
    rows = [*((one.name, one.rows) for one in result.collections), ("mean", result.means)]
    figure, axes = subplots(9.0, 1.4 + _INCHES_A_ROW * len(rows))
    for number, label in enumerate(labels):
        found = [next(row for row in each if row.label == label) for _, each in rows]
        step = _BAND * (number / max(1, len(labels) - 1) - 0.5)
        places = [at + step for at in range(len(rows))]
        _dots(axes, found, places, label, number)
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.axhline(len(rows) - 1.5, color=SOFT, linewidth=1)
    axes.grid(visible=False, axis="y")
    of = f"the top {result.depth} of {result.systems[0].label}"
    axes.set_xlabel(f"{result.measure} on {of}, with 95 % intervals")
    above = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0), "ncols": len(labels)}
    axes.legend(**above, frameon=False, labelcolor=INK)
    return figure


def _in_words(label: str) -> str:
    """Return what the legend calls a system: a reader of the picture does not know our labels."""
    if label == SHIPPED:
        return "cross-encoder alone"
    return label.replace(f"{SHIPPED} + ", "cross-encoder + ")


def _dots(axes: Any, rows: Sequence[Any], places: Sequence[float], label: str, at: int) -> None:
    means = [row.mean for row in rows]
    # An interval may leave out the mean it is of by a rounding: no bar has a length below zero.
    below = [max(0.0, row.mean - (row.mean if row.low is None else row.low)) for row in rows]
    above = [max(0.0, (row.mean if row.high is None else row.high) - row.mean) for row in rows]
    axes.errorbar(
        means,
        places,
        xerr=[below, above],
        fmt=_MARKERS[at % len(_MARKERS)],
        color=SERIES[at % len(SERIES)],
        label=_in_words(label),
        markersize=6,
        elinewidth=1.2,
    )
