"""One HTML page without any link to the outside: headings, text, tables, SVG figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from secondpass.errors import MissingExtraError


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under column names; columns of numbers are set to the right."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    @property
    def numeric(self) -> list[bool]:
        """Which columns hold nothing but numbers, and dashes where there is none."""
        each = zip(*self.rows, strict=True) if self.rows else ((),) * len(self.columns)
        return [any(map(_is_number, column)) and all(map(_fits, column)) for column in each]


@dataclass(frozen=True, slots=True)
class Figure:
    """An SVG drawing (see `figures.to_svg`), and what it shows, in words, for all readers."""

    svg: str
    caption: str


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, a text of plain paragraphs, then tables and figures, each in order."""

    heading: str
    text: str = ""
    tables: Sequence[Table] = ()
    figures: Sequence[Figure] = ()


def render(title: str, summary: str, sections: Sequence[Section]) -> str:
    """Return the page as HTML. All text is escaped; figures are put in as they are."""
    try:
        import jinja2
    except ImportError as error:
        raise MissingExtraError("--html", "measure") from error
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(
        Path(__file__).with_name("page.html.jinja").read_text(encoding="utf-8")
    )
    return template.render(title=title, summary=summary, sections=sections)


def _is_number(cell: str) -> bool:
    """Tell whether a cell begins like a number, such as "12.3 ms" or "-0.5 [-0.7, -0.2]"."""
    return cell.lstrip("+-−≈<")[:1].isdigit()


def _fits(cell: str) -> bool:
    """Tell whether a cell may stand in a column of numbers."""
    return _is_number(cell) or cell in ("", "-", "–")
