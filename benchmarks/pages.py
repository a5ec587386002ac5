"""Markdown tables, and their place in a page: between `<!-- marker -->` and `<!-- /marker -->`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from secondpass.environment.machine import Machine
from secondpass.environment.software import Software


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def setting(machine: Machine, software: Software, name: str, package: str) -> str:
    """Return what a page says it was measured on, with the version of a package by its name."""
    version = str(software.packages[package]).partition("-")[0]
    return (
        f"{machine.processor}, {machine.cores_usable} cores, Python {software.python}, "
        f"{name} {version}"
    )


def between(text: str, marker: str) -> str | None:
    """Return what stands between a page's markers; None where it has none."""
    found = _pattern(marker).search(text)
    return found[2].strip() if found else None


def put_between(text: str, marker: str, content: str) -> str:
    """Return the page with `content` between its markers; unchanged where it has none."""
    return _pattern(marker).sub(lambda found: f"{found[1]}\n{content}\n{found[3]}", text)


def place(file: Path, contents: Mapping[str, str]) -> None:
    """Put each content between its markers in a page.

    Raises:
        SystemExit: the page has none of the markers.
    """
    text = file.read_text(encoding="utf-8")
    if not any(_pattern(marker).search(text) for marker in contents):
        wanted = " or ".join(f"<!-- {marker} --> ... <!-- /{marker} -->" for marker in contents)
        raise SystemExit(f"{file} has no place for the table: write {wanted} where it shall be")
    for marker, content in contents.items():
        text = put_between(text, marker, content)
    file.write_text(text, encoding="utf-8")


def _pattern(marker: str) -> re.Pattern[str]:
    return re.compile(
        rf"(<!-- {re.escape(marker)} -->)\n(.*?)(<!-- /{re.escape(marker)} -->)", re.S
    )
