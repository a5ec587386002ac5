"""A line for each collection: nDCG@10 against the budget, from the first stage to no limit."""

from __future__ import annotations

from typing import Any

from benchmarks.deadline.markdown import mean_at, name
from benchmarks.deadline.result import Result
from secondpass.report.figures import INK, SERIES, SOFT, subplots

_MARKERS = "osD^vPX*"


def draw(result: Result) -> Any:
    """Return the figure; budgets stand at equal distances, for no limit has no place on an axis."""
    figure, axes = subplots(9.0, 5.0)
    budgets = list(dict.fromkeys(point.budget_ms for point in result.curve))
    places = range(len(budgets))
    for at, collection in enumerate(dict.fromkeys(point.collection for point in result.curve)):
        values = [point.ndcg for point in result.curve if point.collection == collection]
        axes.plot(
            places,
            values,
            marker=_MARKERS[at % len(_MARKERS)],
            color=SERIES[at % len(SERIES)],
            linestyle="-" if at < len(SERIES) else "--",
            linewidth=1.2,
            label=collection,
        )
    means = [mean_at(result.curve, budget) for budget in budgets]
    axes.plot(places, means, color=INK, linewidth=3, label="mean")
    axes.set_xticks(places, [name(budget) for budget in budgets])
    axes.set_ylabel(f"nDCG@10 on the top {result.depth}", color=SOFT)
    axes.legend(
        loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=5, frameon=False, labelcolor=INK
    )
    return figure
