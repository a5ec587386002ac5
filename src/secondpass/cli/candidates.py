"""Candidates from a file or standard input: JSON Lines, or one JSON array."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from secondpass.errors import InputError


def read_candidates(file: str) -> list[dict[str, Any]]:
    """Read candidates from a path, or from standard input for "-".

    Each is an object; a bare string stands for {"text": string}.

    Raises:
        InputError: no such file, not UTF-8, or a line that is no JSON; the message names the line.
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
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not UTF-8 at byte {error.start}; convert it first") from None


def _array(text: str, name: str) -> list[Any]:
    try:
        values = json.loads(text)
    except ValueError as error:
        raise InputError(f"{name} begins with '[' but is no JSON array: {error}") from None
    return list(values)


def _lines(text: str, name: str) -> list[Any]:
    values = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                values.append(json.loads(line))
            except ValueError as error:
                raise InputError(f"{name} line {number} is no JSON: {error}") from None
    return values
