"""The help of a command in a narrow terminal, which click takes for one of 50 columns."""

from __future__ import annotations

import shutil
from collections.abc import Iterable

import click

from secondpass.cli.terminal import LEAST_WIDTH

# click leaves a margin of this many columns, and makes no line shorter than this.
_MARGIN = 2
_SHORTEST = 50


class _Formatter(click.HelpFormatter):
    def __init__(
        self, indent_increment: int = 2, width: int | None = None, max_width: int | None = None
    ) -> None:
        columns = shutil.get_terminal_size().columns - _MARGIN
        if width is None and columns < _SHORTEST:
            width = max(LEAST_WIDTH, columns)
        super().__init__(indent_increment, width, max_width)

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Write names and what they mean, in columns that both have room."""
        if self.width < _SHORTEST:
            col_max = min(col_max, self.width // 2)
        super().write_dl(rows, col_max, col_spacing)


class _Context(click.Context):
    formatter_class = _Formatter


def fit(command: click.Command) -> None:
    """Let the help of a command and of its subcommands fit a narrow terminal."""
    command.context_class = _Context
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            fit(inner)
