"""Candidates from a file or standard input: JSON Lines, one JSON array, or lines of plain text."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from secondpass.errors import CandidateAt, InputError
from secondpass.ingest.tables import checked_delimiter, read_rows, suffix_of
from secondpass.jsonl import Where, parse
from secondpass.utf8 import read_lines, stream_lines

# Strings are matched too, so that a number within one is not taken for the one looked for.
_STRING_OR_NUMBER = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|-?Infinity|NaN|-?[0-9][0-9.eE+-]*')

# How a candidate in JSON begins, or the array of them all.
_JSON = ("{", "[", '"')
_TABLES = (".csv", ".tsv", ".tab", ".parquet")


class _NotFiniteError(Exception):
    """A number of the input that JSON cannot write; its text is the argument."""


class Candidates(list[Any]):
    """Candidates, and where each of them is: its line, row or place in the array."""

    def __init__(self, placed: Iterable[tuple[Where, Any]]) -> None:
        self.places, values = [], []
        for where, value in placed:
            self.places.append(where)
            values.append({"text": value} if isinstance(value, str) else value)
        super().__init__(values)

    @contextmanager
    def named(self) -> Iterator[None]:
        """Name where a candidate is in an error that knows its position.

        Raises:
            InputError: the error, with the place of the candidate.
        """
        try:
            yield
        except InputError as error:
            raise InputError(*map(self._placed, error.args)) from None

    def _placed(self, part: Any) -> Any:
        return f"{self.places[part.position]}{part.part}" if isinstance(part, CandidateAt) else part


def read_candidates(file: str, *, plain: bool = False, delimiter: str | None = None) -> Candidates:
    """Read candidates from a path, or from standard input for "-".

    The first line decides: where it begins as a JSON object, array or string does, all of it is
    JSON; else, and with `plain`, each line is the text of a candidate. Of JSON each value is an
    object; a bare string stands for {"text": string}. Blank lines are left out. A file whose name
    ends in .csv, .tsv or .parquet is a table of candidates, its cells parted by `delimiter`.

    Raises:
        InputError: no such file, no text, or a line that is not valid JSON or holds a number that
            is not finite; the message names the line.
    """
    name = "standard input" if file == "-" else file
    if file != "-" and not plain and suffix_of(Path(file)) in _TABLES:
        return Candidates(read_rows(Path(file), checked_delimiter(delimiter)))
    lines = list(_read(file, name))
    first = next((line.lstrip() for line in lines if line.strip()), "")
    if plain or not first.startswith(_JSON):
        return Candidates(
            (Where(name, number), line.rstrip("\r\n"))
            for number, line in enumerate(lines, start=1)
            if line.strip()
        )
    try:
        values = _array("".join(lines), name) if first[0] == "[" else _lines(lines, name)
    except InputError as error:
        hint = "; for lines of plain text pass --plain" if "not valid JSON" in str(error) else ""
        raise InputError(f"{error}{hint}") from None
    return Candidates(values)


def _read(file: str, name: str) -> Iterator[str]:
    if file != "-":
        return read_lines(Path(file))
    if sys.stdin is None or sys.stdin.isatty():
        raise InputError(
            "no FILE was given and standard input is a terminal or closed: name a file or pipe one"
        )
    return stream_lines(sys.stdin.buffer, name)


def _array(text: str, name: str) -> list[tuple[Where, Any]]:
    values = _parsed(text, f"{name} begins with '[' but", Where(name, 1))
    return [(Where(name, number, "item"), value) for number, value in enumerate(values, start=1)]


def _lines(lines: Iterable[str], name: str) -> list[tuple[Where, Any]]:
    values = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            where = Where(name, number)
            values.append((where, _parsed(line, str(where), where)))
    return values


def _parsed(text: str, described: str, first: Where) -> Any:
    """Parse JSON that begins on the line `first`; refuse numbers that are not finite."""
    try:
        return parse(text, described, parse_constant=_finite, parse_float=_finite)
    except _NotFiniteError as error:
        token = str(error)
        line = first.number + text.count("\n", 0, _position(token, text))
        raise InputError(
            f"{Where(first.file, line)} holds the number {token[:40]}, which is not finite and "
            "cannot be written as JSON: use null, or a string"
        ) from None


def _finite(token: str) -> float:
    value = float(token)
    if not math.isfinite(value):
        raise _NotFiniteError(token)
    return value


def _position(token: str, text: str) -> int:
    """Return where such a number first is; the parser does not tell."""
    found = (match for match in _STRING_OR_NUMBER.finditer(text) if match.group() == token)
    return next(found).start()
