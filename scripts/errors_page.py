"""Writes the part of docs/reference/errors.md that is made of the docstrings: make errors-page."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import secondpass
from benchmarks.pages import put_between
from secondpass import SecondpassError

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "errors.md"
MARKER = "errors"


def page(text: str) -> str:
    """Return the page with the errors as their docstrings are."""
    return put_between(text, MARKER, "\n\n".join(map(section, errors())))


def errors(kind: type[SecondpassError] = SecondpassError) -> Iterator[type[SecondpassError]]:
    """Yield the public errors, each before those that are it too."""
    if kind.__name__ in secondpass.__all__:
        yield kind
        for inner in kind.__subclasses__():
            yield from errors(inner)


def section(kind: type[SecondpassError]) -> str:
    """Return an error's heading, what it is, its cause and the way out."""
    what, cause, way_out = (
        " ".join(paragraph.split()) for paragraph in (inspect.getdoc(kind) or "").split("\n\n")
    )
    bases = [f"`{base.__name__}`" for base in kind.__bases__ if base is not Exception]
    also = f" Also a {' and '.join(bases)}." if bases else ""
    return "\n\n".join(
        [
            f"### {kind.__name__}",
            what + also,
            re.sub(r"^Cause:", "**Cause:**", cause),
            re.sub(r"^Way out:", "**Way out:**", way_out),
        ]
    )


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
