"""Hits with the passage that says why each was found, its marked words in red."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from secondpass.cli import output, terminal
from secondpass.cli.table import table_lines, wrap
from secondpass.types import Hit

if TYPE_CHECKING:
    from secondpass.retrieval.snippets import Snippet

_INDENT = "    "


def hit_snippet(query: str, hit: Hit, *, named: str = "") -> Snippet:
    """Return the part of a hit's text to show, of its best window if it has one.

    A text that begins with its own name, `named`, is shown without.
    """
    from secondpass.retrieval.snippets import snippet

    spans = hit.spans or (hit.span or (0, len(hit.text)),)
    start, end = min(span[0] for span in spans), max(span[1] for span in spans)
    if named and start == 0 and hit.text.startswith(named):
        start = len(named)
    return snippet(query, str(hit.text), span=(start, end))


def show_with_passages(
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    snippets: Sequence[Snippet],
    places: Sequence[str],
) -> None:
    """Print a table with a place, if it is not empty, and a passage below each row."""
    width = terminal.width()
    cells = [[output.cell(value) for value in row] for row in rows]
    lines = table_lines(columns, cells, width)
    if len(lines) == 1 + len(rows):
        head, blocks = [lines[0]], [[line] for line in lines[1:]]
    else:
        head, blocks = [], [table_lines(columns, [row], width) for row in cells]
    output.show_lines(head)
    names = " ".join(columns).split()
    for block, snippet, place in zip(blocks, snippets, places, strict=True):
        if block[0].split() != names:  # a row, or a list of names and values
            output.show_lines(block)
        else:
            # The names of the columns stand again only where they stand elsewhere.
            output.show_lines(block[block[:1] == head :])
            head = block[:1]
        if place:
            room = None if width is None else max(terminal.LEAST_WIDTH, width - len(_INDENT))
            output.show_lines([_INDENT + line for line in wrap(terminal.harmless(place), room)])
        show_snippet(snippet, _INDENT)


def show_snippet(snippet: Snippet, indent: str = "") -> None:
    """Print a snippet in lines as wide as the terminal."""
    width = terminal.width()
    room = None if width is None else max(terminal.LEAST_WIDTH, width - len(indent))
    # A character that would steer the terminal is one of another kind, so places stay.
    text = terminal.harmless(snippet.text)
    at = 0
    for line in wrap(text, room):
        at += text[at : at + 1] == " " and not line.startswith(" ")
        terminal.show_marked([(indent, False), *_parts(line, at, snippet)])
        at += len(line)


def _parts(line: str, at: int, snippet: Snippet) -> Iterator[tuple[str, bool]]:
    """Yield the parts of a line that begins at a place in a snippet, and whether each is marked."""
    done = 0
    for start, end in snippet.marks:
        start, end = max(start - at, done), min(end - at, len(line))
        if start < end:
            yield line[done:start], False
            yield line[start:end], True
            done = end
    yield line[done:], False
