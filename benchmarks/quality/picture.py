"""A dot plot: a row for each collection, BM25, bi-encoder and rerankers with their intervals."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import secondpass.report
from benchmarks.quality.result import Quality
from secondpass.report.figures import INK, LINE, SERIES, SOFT, subplots, to_svg

_MARKERS = "osD^vP"
# Height of a collection's band that its systems share.
_BAND = 0.6
_INCHES_A_ROW = 0.62


def draw(result: Quality, labels: Sequence[str] | None = None) -> Any:
    """Return a figure of the systems of these labels; by default all."""
    labels = labels or [system.label for system in result.systems]
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
    axes.set_xlabel(f"{result.measure} on the top {result.depth} of BM25, with 95 % intervals")
    above = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0), "ncols": len(labels)}
    axes.legend(**above, frameon=False, labelcolor=INK)
    return figure


def save(figure: Any, file: Path) -> None:
    """Write SVG that follows the reader's light or dark, or PNG for light pages."""
    if file.suffix == ".svg":
        svg = to_svg(figure)
        file.write_text(re.sub(r"(<svg[^>]*>)", rf"\1<style>{_style()}</style>", svg, count=1))
    elif file.suffix == ".png":
        _recolour(figure, _light())
        figure.savefig(file, dpi=160, facecolor="white")
    else:
        raise SystemExit(f"--picture {file}: the name must end in .svg or .png")


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
        label=label,
        markersize=6,
        elinewidth=1.2,
    )


def _style() -> str:
    """Return the house's colours, which the report's page declares, as CSS."""
    page = Path(secondpass.report.__file__).with_name("page.html.jinja").read_text()
    end = page.index("body {")
    return page[page.index(":root {") : end].strip()


def _light() -> dict[str, str]:
    declared = dict(re.findall(r"--([\w-]+): (#\w+)", _style().split("@media")[0]))
    series = {one: declared[f"series-{at}"] for at, one in enumerate(SERIES, start=1)}
    return {INK: declared["ink"], SOFT: declared["soft"], LINE: declared["line"], **series}


def _recolour(figure: Any, colours: dict[str, str]) -> None:
    """Give every drawn part the real colour that its stand-in means."""
    figure.draw_without_rendering()  # ticks and their labels are made here
    for part in figure.findobj():
        for name in ("color", "edgecolor", "facecolor", "markeredgecolor", "markerfacecolor"):
            drawn = getattr(part, f"get_{name}", lambda: None)()
            if (stand_in := _hex(drawn)) in colours:
                getattr(part, f"set_{name}")(colours[stand_in])


def _hex(colour: Any) -> str | None:
    """Return a part's one colour, which may stand in a list of one; None for all else."""
    from matplotlib.colors import to_hex, to_rgba_array

    try:
        found = to_rgba_array(colour)
    except (TypeError, ValueError):  # no colour at all
        return None
    return to_hex(found[0]) if len(found) == 1 else None
