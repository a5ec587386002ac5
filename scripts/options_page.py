"""Writes the tables of docs/reference/options.md from the dataclasses: make options-page."""

from __future__ import annotations

from pathlib import Path

from benchmarks.pages import put_between
from secondpass.options.call import RankOptions
from secondpass.options.model import RerankerOptions
from secondpass.options.option import IsDataclass, declared

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "options.md"
_TABLES: dict[str, type[IsDataclass]] = {
    "model options": RerankerOptions,
    "call options": RankOptions,
}


def page(text: str) -> str:
    """Return the page with its tables as the dataclasses are now."""
    for marker, options in _TABLES.items():
        text = put_between(text, marker, table(options))
    return text


def table(options: type[IsDataclass]) -> str:
    """Return a row for each option."""
    rows = ["| Python | command | default | |", "|---|---|---|---|"]
    for name, (one, default) in declared(options).items():
        flag = f"`{one.flag}`" if one.flag else ""
        shown = one.means or (f'`"{default}"`' if isinstance(default, str) else f"`{default}`")
        more = f" [More](../{one.page})." if one.page else ""
        rows.append(f"| `{name}` | {flag} | {shown} | {one.help}{more} |")
    return "\n".join(rows)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
