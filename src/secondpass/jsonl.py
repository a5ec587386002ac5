"""JSON Lines: one object a line, each with the line it is on; blank lines are left out."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from secondpass.checks import described_json, shortened
from secondpass.errors import InputError
from secondpass.utf8 import read_lines

# No data of people or programs is nested deeper, and Python's own limit depends on the caller.
DEEPEST = 100

_HTML = re.compile(r"\s*<(!doctype|html|\?xml|head|body)\b", re.IGNORECASE)
_SURROGATE = re.compile("[\ud800-\udfff]")


class Where(NamedTuple):
    """A line of a file, or another `unit` of it, counted from 1; as text "FILE line N"."""

    file: str
    number: int
    unit: str = "line"

    def __str__(self) -> str:
        return f"{self.file} {self.unit} {self.number}"


def read_objects(file: Path) -> Iterator[tuple[Where, dict[str, Any]]]:
    """Yield each line's object and where it is; a file whose name ends in .gz is gzipped.

    Raises:
        InputError: the file cannot be read, or a line is not a JSON object or holds half of a
            surrogate pair; the message names it.
    """
    for where, value in each_object(file):
        if isinstance(value, InputError):
            raise value
        yield where, value


def each_object(file: Path) -> Iterator[tuple[Where, dict[str, Any] | InputError]]:
    """Yield each line's object and where it is, or why a line is none; the lines after it follow.

    Raises:
        InputError: the file cannot be read.
    """
    for where, line in read_filled_lines(file):
        try:
            value = parse_object(line, where)
            if "\\u" in line:
                _check_surrogates(value, where)
        except InputError as error:
            yield where, error
        else:
            yield where, value


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
    if isinstance(value, dict):
        return value
    convert = "; for one array of objects: jq -c '.[]' FILE" if isinstance(value, list) else ""
    raise InputError(f"{where} is {described_json(value)}, expected an object{convert}")


def parse(text: str, where: object, **hooks: Any) -> Any:
    """Return the JSON value that a text is; `hooks` are those of `json.loads`.

    Raises:
        InputError: it is not valid JSON, is nested deeper than `DEEPEST`, or an object has a key
            twice; the message begins with `where`.
    """
    try:
        value = json.loads(text, object_pairs_hook=_object, **hooks)
    except RecursionError:
        raise _too_deep(where) from None
    except InputError as error:
        raise InputError(f"{where} {error}") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{where} is not valid JSON: {error}{_advice(text)}") from None
    except ValueError:  # the digits that Python reads of an integer are bounded
        digits = sys.get_int_max_str_digits()
        raise InputError(
            f"{where} holds an integer of more than {digits:,} digits; write it as a string"
        ) from None
    if text.count("[") + text.count("{") > DEEPEST:
        _check_depth(value, where)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise InputError(f"has the key {shortened(twice)} twice in one object; leave one out")
    return found


def _advice(text: str) -> str:
    """Return what a line that is not JSON looks like, and the way out; nothing if unknown."""
    if _HTML.match(text):
        return "; it looks like a page of HTML or XML, such as a download that failed"
    if text.strip() in ("{", "["):
        return "; JSON Lines has one whole object a line: jq -c . FILE, or jq -c '.[]' FILE"
    return ""


def _check_depth(value: Any, where: object) -> None:
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for outer in level if isinstance(outer, dict | list) for inner in _in(outer)]
        if not level:
            return
    if any(isinstance(one, dict | list) for one in level):
        raise _too_deep(where)


def _check_surrogates(value: dict[str, Any], where: object) -> None:
    waiting: list[tuple[str, Any]] = [("a key", list(value)), *value.items()]
    while waiting:
        name, one = waiting.pop()
        if isinstance(one, dict):
            waiting += [(name, [*one, *one.values()])]
        elif isinstance(one, list):
            waiting += [(name, inner) for inner in one]
        elif isinstance(one, str) and (found := _SURROGATE.search(one)):
            raise InputError(
                f"{where}: {shortened(name)[1:-1]} has a lone surrogate "
                f"U+{ord(found.group()):04X} at character {found.start()}, which is not valid "
                "Unicode; write the character itself, or both halves of the pair"
            )


def _in(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value


def _too_deep(where: object) -> InputError:
    return InputError(
        f"{where} is not valid JSON: it is nested too deeply, {DEEPEST} levels are the most"
    )
