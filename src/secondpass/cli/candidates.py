"""Candidates from a file or standard input: JSON Lines, or one JSON array."""

from __future__ import annotations

import math
import re
import sys
from pathlib import Path
from typing import Any

from secondpass.errors import InputError
from secondpass.jsonl import Where, parse
from secondpass.utf8 import decode, read_text

# Strings are matched too, so that a number within one is not taken for the one looked for.
_STRING_OR_NUMBER = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|-?Infinity|NaN|-?[0-9][0-9.eE+-]*')


class _NotFiniteError(Exception):
    """A number of the input that JSON cannot write; its text is the argument."""


def read_candidates(file: str) -> list[dict[str, Any]]:
    """Read candidates from a path, or from standard input for "-".

    Each is an object; a bare string stands for {"text": string}.

    Raises:
        InputError: no such file, not UTF-8, or a line that is not valid JSON or holds a number that
            is not finite; the message names the line.
    """
    name = "standard input" if file == "-" else file
    text = _read(file, name)
    values = _array(text, name) if text.lstrip().startswith("[") else _lines(text, name)
    return [{"text": value} if isinstance(value, str) else value for value in values]


def _read(file: str, name: str) -> str:
    if file == "-" and sys.stdin.isatty():
        raise InputError(
            "no FILE was given and standard input is a terminal: name a file or pipe one"
        )
    return decode(sys.stdin.buffer.read(), name) if file == "-" else read_text(Path(file))


def _array(text: str, name: str) -> list[Any]:
    return list(_parsed(text, f"{name} begins with '[' but", Where(name, 1)))


def _lines(text: str, name: str) -> list[Any]:
    values = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            where = Where(name, number)
            values.append(_parsed(line, str(where), where))
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
