"""A result's way into the pages: measured or shown, and put between markers there.

A marker's content stands between `<!-- marker -->` and `<!-- /marker -->`.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from secondpass.atomic import write_text

Result = TypeVar("Result")


def add_page_options(parser: argparse.ArgumentParser, *, out: str) -> None:
    """Add where the result goes (`out` says what it is) and where its table is shown."""
    parser.add_argument("--out", type=Path, help=out)
    parser.add_argument("--show", type=Path, metavar="FILE", help="print a result, measure nothing")
    parser.add_argument(
        "--into", type=Path, nargs="+", default=[], help="put it between the markers of pages"
    )


def parse_with_pages(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Parse the command line, which has to say where a result goes or lies."""
    arguments = parser.parse_args()
    if not arguments.show and not arguments.out:
        parser.error("name a file for the result with --out, or one to show with --show")
    return arguments


def measure_or_show(
    arguments: argparse.Namespace,
    measure: Callable[[argparse.Namespace], None],
    read: Callable[[Path], Result],
    page: Callable[[Result], str],
    marker: str,
) -> None:
    """Measure, unless a result is to be shown; then put its page where it belongs and print it."""
    if not arguments.show:
        measure(arguments)
    result = read(arguments.show or arguments.out)
    for file in arguments.into:
        place(file, {marker: page(result)})
    print(page(result))


def write_json(fields: Mapping[str, Any], file: Path) -> None:
    """Write a result whole or not at all."""
    write_text(file, json.dumps(fields, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def between(text: str, marker: str) -> str | None:
    """Return what stands between a page's markers; None where it has none."""
    found = _pattern(marker).search(text)
    return found[2].strip() if found else None


def put_between(text: str, marker: str, content: str) -> str:
    """Return the page with `content` between its markers; unchanged where it has none."""
    return _pattern(marker).sub(lambda found: f"{found[1]}\n{content}\n{found[3]}", text)


def place(file: Path, contents: dict[str, str]) -> None:
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
