"""Matplotlib figures to SVG whose colors follow the page, in light and in dark."""

from __future__ import annotations

import io
import re
from typing import Any

from secondpass.errors import MissingExtraError

# A color drawn -> the page's variable that replaces it, so that one drawing suits both themes.
INK, SOFT, LINE = "#010101", "#020202", "#030303"
SERIES = ("#040404", "#050505", "#060606", "#070707", "#080808", "#090909")
_VARIABLES = {
    INK: "--ink",
    SOFT: "--soft",
    LINE: "--line",
    **dict(zip(SERIES, (f"--series-{number}" for number in range(1, 7)), strict=True)),
}

_STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": SOFT,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "none",
    "font.size": 11.0,
    "grid.color": LINE,
    "lines.linewidth": 2.0,
    "savefig.facecolor": "none",
    # Text stays text, in the page's font, and can be searched and read aloud.
    "svg.fonttype": "none",
    "svg.hashsalt": "secondpass",
    "text.color": INK,
    "xtick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.color": SOFT,
    "ytick.labelcolor": INK,
}


def subplots(width: float = 9.0, height: float = 4.2) -> tuple[Any, Any]:
    """Return a new (figure, axes) in the house style; sizes in inches. Draw with `SERIES`.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("--html", "measure") from error
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes: Any = figure.subplots()
    return figure, axes


def to_svg(figure: Any) -> str:
    """Return the drawing as an SVG element whose colors are the page's variables."""
    import matplotlib

    _open_legends(figure)
    stream = io.StringIO()
    with matplotlib.rc_context(_STYLE):
        figure.savefig(stream, format="svg", metadata={"Date": None})
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    for drawn, variable in _VARIABLES.items():
        svg = svg.replace(drawn, f"var({variable})")
    # Without a fill of its own SVG text is black, also on a dark page.
    return re.sub(r"<text(?![^>]*fill:)", '<text fill="var(--ink)"', svg)


def _open_legends(figure: Any) -> None:
    """Take the box from each legend: it has a color of its own, white also on a dark page."""
    for axes in figure.axes:
        legend = axes.get_legend()
        if legend is not None:
            legend.set_frame_on(False)
            for text in legend.get_texts():
                text.set_color(INK)
