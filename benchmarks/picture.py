"""A figure as an SVG file that follows the reader's light or dark."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import secondpass.report
from secondpass.report.figures import to_svg


def save(figure: Any, file: Path) -> None:
    """Write a figure of `secondpass.report.figures` with the colors that it means.

    Raises:
        SystemExit: the file's name does not end in .svg.
    """
    if file.suffix != ".svg":
        raise SystemExit(f"--picture {file}: the name must end in .svg")
    svg = re.sub(r"(<svg[^>]*>)", rf"\1<style>{_style()}</style>", to_svg(figure), count=1)
    file.write_text(svg, encoding="utf-8")


def _style() -> str:
    """Return the colors, which the page of a report declares, as CSS."""
    page = Path(secondpass.report.__file__).with_name("page.html.jinja").read_text()
    colors = page[page.index(":root {") : page.index("body {")].strip()
    # A page may be dark where the reader's system is light, and the other way round.
    return f"{colors}\nsvg {{ background: var(--paper) }}"
