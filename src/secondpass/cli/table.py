"""Tables of any width: numbers are whole, and text wraps or goes to lines of its own.

A table that fits is a grid. One that does not has its last text wrapped; where that leaves no
room, long texts leave the grid for lines above or below their row; where even the numbers do not
fit side by side, each row is a list of names and values.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_GAP = 2
_INDENT = "    "
# A column of text is not made narrower than this.
_LEAST_TEXT = 24

# A number with its unit or interval, or that there is none.
_NUMBER = re.compile(r"[-+−≈<>]?\d[\d.,]*(e[-+]?\d+)?( ?(%|ms|MB|GB))?( \[.*\])?|[-–]?")


def table_lines(
    columns: Sequence[str], rows: Sequence[Sequence[str]], width: int | None
) -> list[str]:
    """Return a table's lines of at most `width` columns, the names of its columns first."""
    table = _Table(columns, rows)
    if width is None or table.natural() <= width:
        return table.grid(table.every)
    return table.wrapped(width) or table.split(width) or table.records(width)


def middle(text: str, width: int) -> str:
    """Return a name of at most `width` columns; of a longer one the middle is left out."""
    width = max(width, 3)
    if _width(text) <= width:
        return text
    head = tail = ""
    # From both ends in turn, and with characters of two columns not beyond the width.
    for first, last in zip(text, reversed(text), strict=True):
        if _width(head + first + tail) < width:
            head += first
        if _width(head + last + tail) < width:
            tail = last + tail
    return f"{head}…{tail}"


def wrap(text: str, width: int | None) -> list[str]:
    """Return lines of whole words; a word that is longer than a line is folded."""
    return [text] if width is None else _wrap(text, width)


class _Table:
    """Cells and the width that each column takes on a terminal."""

    def __init__(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        self.columns = columns
        self.rows = rows
        self.every = list(range(len(columns)))
        self.numeric = [all(_NUMBER.fullmatch(row[at]) for row in rows) for at in self.every]
        lines = [columns, *rows]
        self.widths = [max(_width(line[at]) for line in lines) for at in self.every]

    def natural(self, chosen: Sequence[int] | None = None) -> int:
        """Return the width of these columns, or of all, side by side."""
        widths = [self.widths[at] for at in (self.every if chosen is None else chosen)]
        return sum(widths) + _GAP * (len(widths) - 1)

    def texts(self) -> list[int]:
        """Return the columns that are not numbers."""
        return [at for at in self.every if not self.numeric[at]]

    def grid(self, chosen: Sequence[int]) -> list[str]:
        """Return a line a row."""
        return [self._line(line, chosen) for line in (self.columns, *self.rows)]

    def wrapped(self, width: int) -> list[str]:
        """Return the grid with its last column wrapped, or nothing if that leaves no room."""
        last = self.every[-1]
        room = width - (self.natural() - self.widths[last])
        if self.numeric[last] or room < max(_LEAST_TEXT, _width(self.columns[last])):
            return []
        others, margin = self.every[:-1], " " * (width - room)
        lines = [self._line(self.columns, self.every)]
        for row in self.rows:
            first, *more = _wrap(row[last], room)
            start = self._line(row, others)
            lines.append((start + " " * (len(margin) - _width(start)) + first).rstrip())
            lines.extend(margin + line for line in more)
        return lines

    def split(self, width: int) -> list[str]:
        """Return the grid of what fits, or nothing; long texts are on lines of their own."""
        chosen = list(self.every)
        for at in sorted(self.texts(), key=lambda at: -self.widths[at]):
            if self.natural(chosen) > width:
                chosen.remove(at)
        if not chosen or self.natural(chosen) > width:
            return []
        moved = [at for at in self.every if at not in chosen]
        lines = [self._line(self.columns, chosen)]
        for row in self.rows:
            for at in moved:
                if at < chosen[0]:
                    lines.extend(_wrap(row[at], width))
            lines.append(self._line(row, chosen))
            for at in moved:
                if at > chosen[0]:
                    room = width - len(_INDENT)
                    lines.extend(_INDENT + line for line in _wrap(row[at], room) if line)
        return lines

    def records(self, width: int) -> list[str]:
        """Return each row as a list of names and values."""
        lines = []
        for row in self.rows:
            for name, cell in zip(self.columns, row, strict=True):
                room = width - len(_INDENT)
                first, *more = _wrap(f"{name}: {cell}" if name else cell, room)
                lines.extend([first, *(_INDENT + line for line in more)])
            lines.append("")
        return lines[:-1]

    def _line(self, cells: Sequence[str], chosen: Sequence[int]) -> str:
        padded = []
        for at in chosen:
            padding = " " * (self.widths[at] - _width(cells[at]))
            padded.append(padding + cells[at] if self.numeric[at] else cells[at] + padding)
        return (" " * _GAP).join(padded).rstrip()


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _wrap(text: str, width: int) -> list[str]:
    """Return lines of whole words; a word that is longer than a line is folded."""
    from rich.cells import chop_cells

    lines: list[str] = []
    for word in text.split():
        if lines and _width(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.extend(chop_cells(word, width))
    return lines or [""]
