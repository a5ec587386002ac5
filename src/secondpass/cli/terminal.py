"""Where all text goes out: standard output and standard error, without what steers a terminal."""

from __future__ import annotations

import errno
import io
import os
import shutil
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import TextIO, cast

import click

# What moves the cursor, recolors the screen or turns the reading direction (control codes,
# bidirectional overrides), and lone surrogates, which no terminal takes.
HARMFUL = (
    *range(0x20),
    *range(0x7F, 0xA0),
    *range(0x202A, 0x202F),
    *range(0x2066, 0x206A),
    *range(0xD800, 0xE000),
)
_HARMLESS = dict.fromkeys(HARMFUL, "\ufffd") | dict.fromkeys(map(ord, "\t\n\r"), " ")
_HARMLESS_LINES = _HARMLESS | {ord("\n"): "\n"}

LEAST_WIDTH = 20


def harmless(text: str) -> str:
    """Return a text with U+FFFD, or a space, for each character that would steer a terminal."""
    return text.translate(_HARMLESS)


def show(text: str = "") -> None:
    """Print lines to standard output; what its encoding does not have is shown as an escape."""
    plain = text.translate(_HARMLESS_LINES)
    try:
        click.echo(plain)
    except UnicodeEncodeError:
        encoding = sys.stdout.encoding
        click.echo(plain.encode(encoding, "backslashreplace").decode(encoding))


def shows_styles() -> bool:
    """Tell whether standard output takes bold and colours, and nobody asked for none."""
    asked_for_none = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return is_terminal() and not asked_for_none


def show_marked(parts: Iterable[tuple[str, bool]]) -> None:
    """Print a line of which some parts are marked: red and bold, as grep does, where that shows."""
    styles = shows_styles()
    plain = [(harmless(text), marked) for text, marked in parts]
    line = "".join(
        click.style(text, fg="red", bold=True) if marked and styles else text
        for text, marked in plain
    )
    try:
        click.echo(line)
    except UnicodeEncodeError:
        show("".join(text for text, _ in plain))


def say(text: str) -> None:
    """Print a note beside the results, to standard error; one that it does not take is lost."""
    try:
        click.echo(text.translate(_HARMLESS_LINES), err=True)
    except OSError:
        drop(sys.stderr)


def drop(stream: TextIO | None) -> None:
    """Send what a stream still holds to the null device: its flush at exit is no second error."""
    if stream is None:  # as it is where the caller closed it
        return
    with suppress(io.UnsupportedOperation):  # one without a file, as in a notebook
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def is_terminal() -> bool:
    """Tell whether standard output is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def width() -> int | None:
    """Return how many columns a line may have, by COLUMNS or the terminal; None for no limit."""
    if not is_terminal() and not os.environ.get("COLUMNS", "").isdecimal():
        return None
    return max(LEAST_WIDTH, shutil.get_terminal_size().columns)


def open_closed_streams() -> None:
    """Open the null device for each standard stream that the caller closed.

    Else the next file that is opened, such as one of an index, has the number of that stream, and
    a library that prints writes into it. What the command itself prints to a closed standard output
    is an error.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:  # as Python has it where the caller closed it
        sys.stdout = cast(TextIO, _ClosedOutput())


class _ClosedOutput(io.TextIOBase):
    """Stands for a closed standard output: what is printed is an error, for it would be lost."""

    def write(self, text: str, /) -> int:
        raise OSError(errno.EBADF, "standard output is closed: the result is lost")
