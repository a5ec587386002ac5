"""Writes the tables of docs/ from the dataclasses of options: make options-page."""

from __future__ import annotations

from pathlib import Path

from benchmarks.pages import put_between
from secondpass.options.call import RankOptions
from secondpass.options.model import RerankerOptions
from secondpass.options.on_ray import RayServeOptions
from secondpass.options.option import IsDataclass, declared
from secondpass.options.serve import ServeOptions

DOCS = Path(__file__).parent.parent / "docs"
# Of each page, its tables.
PAGES: dict[str, dict[str, type[IsDataclass]]] = {
    "reference/options.md": {"model options": RerankerOptions, "call options": RankOptions},
    "reference/server.md": {"server options": ServeOptions},
    "guide/deployment.md": {"ray options": RayServeOptions},
}


def page(name: str, text: str) -> str:
    """Return a page with its tables as the dataclasses are now."""
    for marker, options in PAGES[name].items():
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
    for name in PAGES:
        file = DOCS / name
        file.write_text(page(name, file.read_text(encoding="utf-8")), encoding="utf-8")
