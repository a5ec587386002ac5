"""JSON Lines: one object a line, each with the line it is on; blank lines are left out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from secondpass.errors import InputError
from secondpass.utf8 import read_lines


class Where(NamedTuple):
    """A line of a file, counted from 1; as text "FILE line N", for messages."""

    file: str
    number: int

    def __str__(self) -> str:
        return f"{self.file} line {self.number}"


def read_objects(file: Path) -> Iterator[tuple[Where, dict[str, Any]]]:
    """Yield each line's object and where it is; a file whose name ends in .gz is gzipped.

    Raises:
        InputError: the file cannot be read, or a line is not a JSON object; the message names it.
    """
    for where, line in read_filled_lines(file):
        yield where, parse_object(line, where)


def read_filled_lines(file: Path) -> Iterator[tuple[Where, str]]:
    """Yield the lines that are not blank and where they are.

    Raises:
        InputError: the file cannot be read.
    """
    for number, line in enumerate(read_lines(file), start=1):
        if line.strip():
            yield Where(str(file), number), line


def parse_object(text: str, where: object) -> dict[str, Any]:
    """Return the JSON object that a text is.

    Raises:
        InputError: it is not one; the message begins with `where`.
    """
    value = parse(text, where)
    if not isinstance(value, dict):
        raise InputError(f"{where} is a JSON {type(value).__name__}, expected an object")
    return value


def parse(text: str, where: object, **hooks: Any) -> Any:
    """Return the JSON value that a text is; `hooks` are those of `json.loads`.

    Raises:
        InputError: it is not valid JSON; the message begins with `where`.
    """
    try:
        return json.loads(text, **hooks)
    except RecursionError:
        raise InputError(f"{where} is not valid JSON: it is nested too deeply") from None
    except ValueError as error:
        raise InputError(f"{where} is not valid JSON: {error}") from None
