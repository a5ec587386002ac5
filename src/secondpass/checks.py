"""Checks of values from outside, and what their errors say; every option is checked here.

Numbers are what Python's `numbers` calls so: its own, numpy's and fractions. A bool is none, nor is
numpy's, a duration or a Decimal. Loads no numpy.
"""

from __future__ import annotations

import difflib
import json
import math
import os
import re
import reprlib
from collections.abc import Iterable, Sequence
from decimal import Decimal
from numbers import Integral, Real
from types import UnionType
from typing import Any, TypeVar

from secondpass.errors import Argument, Either, InputError

T = TypeVar("T")

# What a signed integer of 64 bits holds.
MOST_INTEGER = 2**63 - 1
_JSON_KINDS: dict[type, str] = {
    **{type(None): "", bool: "the boolean ", int: "the number ", float: "the number "},
    **{str: "the string ", list: "the list ", dict: "the object "},
}
# How msgspec begins to say that a key without a default is absent.
_MISSING = "Object missing required field "
# What msgspec calls the kinds of JSON, and what comes before a limit.
_WORDS = {
    "int": "an integer",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    ">=": "of at least",
    "<=": "of at most",
    ">": "above",
}
# What Linux takes for a path.
MOST_PATH = 4096


def is_integer(value: Any, least: int = 1) -> bool:
    """Tell whether a value is an integer of at least `least`."""
    # A numpy duration is an integer to `numbers`; it has a unit, which nobody here reads.
    whole = (
        isinstance(value, Integral) and not isinstance(value, bool) and _numpy_kind(value) != "m"
    )
    return whole and int(value) >= least


def is_numpy_bool(value: Any) -> bool:
    """Tell whether a value is one of numpy's two."""
    return _numpy_kind(value) == "b" and getattr(value, "ndim", None) == 0


def _numpy_kind(value: Any) -> str:
    return str(getattr(getattr(value, "dtype", None), "kind", ""))


def integer(
    name: str, value: Any, least: int = 1, most: int = MOST_INTEGER, *, also: str = ""
) -> int:
    """Return `value` as an int if it is one from `least` to `most`; `also` says what else may be.

    Raises:
        InputError: it is not.
    """
    if not is_integer(value, least):
        raise InputError(
            Argument(name),
            f" is {shortened(value)}, expected an integer of at least {least}{also}",
        )
    if value > most:
        raise InputError(Argument(name), f" is {shortened(value)}, expected at most {most}")
    return int(value)


def finite_number(value: Any) -> float | None:
    """Return `value` as a float, or None if it is not a finite number."""
    if isinstance(value, bool) or not isinstance(value, Real) or _numpy_kind(value) == "m":
        return None
    try:
        number = float(value)
    except (ArithmeticError, ValueError, TypeError):  # larger than any float, or none after all
        return None
    return number if math.isfinite(number) else None


def kind_of(
    name: str, value: Any, kind: type | tuple[type, ...] | UnionType, expected: str
) -> None:
    """Return if a value is of a kind of Python's.

    Raises:
        InputError: it is not.
    """
    if not isinstance(value, kind):
        raise InputError(Argument(name), f" is {shortened(value)}, expected {expected}")


def yes_or_no(name: str, value: Any) -> bool:
    """Return True or False as Python's, of Python's or numpy's.

    Raises:
        InputError: it is neither.
    """
    if not isinstance(value, bool) and not is_numpy_bool(value):
        raise InputError(Argument(name), f" is {shortened(value)}, expected True or False")
    return bool(value)


def called(name: str, value: Any, expected: str) -> None:
    """Return if a value can be called.

    Raises:
        InputError: it cannot.
    """
    if not callable(value):
        raise InputError(Argument(name), f" is {described(value)}, expected {expected}")


def with_members(name: str, value: Any, members: Sequence[str], expected: str) -> None:
    """Return if a value has these attributes and methods; no property of its class is computed.

    Raises:
        InputError: it lacks one.
    """
    kind = type(value)
    lacks = [one for one in members if not (hasattr(kind, one) or hasattr(value, one))]
    if lacks:
        raise InputError(
            Argument(name),
            f" is {described(value)}, expected {expected}: it has no `{lacks[0]}`",
        )


def plain_number(value: float, digits: int = 4) -> str:
    """Return a number in so many significant digits, without an exponent: 128100, 0.05, 300."""
    return format(Decimal(f"{value:.{digits}g}"), "f")


def one_of(name: str, value: Any, allowed: Sequence[T]) -> T:
    """Return `value` if it is one of the allowed words.

    Raises:
        InputError: it is not.
    """
    if not isinstance(value, str) or value not in allowed:
        words = list(map(str, allowed))
        raise InputError(
            Argument(name),
            f" is {shortened(value)}, expected one of {', '.join(words)}",
            did_you_mean(value, words),
        )
    # The word itself and not the caller's, which may be a member of an Enum.
    return allowed[allowed.index(value)]


def plain_text(value: str) -> str:
    """Return a string as one of Python's own, without a class derived from it such as an Enum."""
    return str.__str__(value)


def path(name: str, value: Any, expected: str) -> str:
    """Return a path or name as a string that is not empty and that a file system takes.

    Raises:
        InputError: it is not one.
    """
    given = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(given, str) or not given:
        raise InputError(Argument(name), f" is {shortened(value)}, expected {expected}")
    if len(given) > MOST_PATH:
        raise InputError(
            Argument(name),
            f" {given[:78]!r} is not a valid folder or name: it has {len(given)} characters, "
            f"expected at most {MOST_PATH}",
        )
    if wrong := _not_in_paths(given):
        raise InputError(
            Argument(name), f" is {shortened(given)}, expected {expected}: it has {wrong}"
        )
    return plain_text(given)


def _not_in_paths(given: str) -> str:
    """Return what a string has that no file system takes, or nothing."""
    if "\0" in given:
        return f"a null character at character {given.index(chr(0))}"
    try:
        os.fsencode(given)
    except UnicodeEncodeError as error:
        return (
            f"U+{ord(given[error.start]):04X} at character {error.start}, which is not valid in a "
            "path"
        )
    return ""


def did_you_mean(given: Any, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" with the name nearest to what was given, or nothing.

    Case does not count, and of a name with folders its last part is enough.
    """
    if not isinstance(given, str) or not 2 <= len(given) <= 200:
        return ""
    spellings: dict[str, str] = {}
    for name in known:
        spellings.setdefault(name.casefold(), name)
        spellings.setdefault(name.casefold().rpartition("/")[2], name)
    near = difflib.get_close_matches(given.casefold(), spellings, n=1, cutoff=0.7)
    return f"; did you mean {spellings[near[0]]!r}?" if near else ""


def counted(count: int, what: str) -> str:
    """Return a number and the noun of what is counted, such as "1 file" and "2 files"."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def described(value: Any) -> str:
    """Return a value's type and the beginning of it, for a message."""
    return f"{type(value).__name__[:40]} {shortened(value, 40)}"


def described_json(value: Any) -> str:
    """Return a value of a JSON file and its kind as JSON calls them; of others as `described`."""
    kind = _JSON_KINDS.get(type(value))
    return described(value) if kind is None else kind + as_json(value, 40)


def as_json(value: Any, most: int = 80) -> str:
    """Return at most `most` characters of a value as JSON writes it; a text stands in quotes."""
    if isinstance(value, str):
        return shortened(value, most)
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):  # more digits or levels than Python writes
        return shortened(value, most)
    return text if len(text) <= most else text[: most - 3] + "..."


def misfit(values: Any, said: str) -> str:
    """Return what is wrong with the values of a file by what msgspec said of them.

    It follows the file's name: "has no `kind`", "has schema 1, expected text".
    """
    expected, _, path = said.partition(" - at ")
    name = path.strip("`").removeprefix("$").removeprefix(".")
    if expected.startswith(_MISSING):
        return f"has no {expected.removeprefix(_MISSING)}" + (f" in {name}" if name else "")
    if not expected.startswith(("Expected ", "Number out of range", "Invalid enum value ")):
        return f"is not valid: {said if len(said) <= 300 else f'{said[:100]} … {said[-160:]}'}"
    wanted = "another value" if expected.startswith("Invalid") else _in_words(expected)
    if not name:
        return f"is {described_json(values)}, expected {wanted}"
    try:
        shown = as_json(_at(values, path))
    except (KeyError, IndexError, TypeError):  # the key of an object, which msgspec does not name
        shown = "of another kind"
    return f"has {name} {shown}, expected {wanted}"


def _at(values: Any, path: str) -> Any:
    """Return the value at a path of msgspec, such as "$.a[0]"."""
    for key, at, unknown in re.findall(r"\.([A-Za-z0-9_]+)|\[(\d+)\]|(\[\.\.\.\])", path):
        if unknown:
            raise KeyError(unknown)
        values = values[int(at)] if at else values[key]
    return values


def _in_words(expected: str) -> str:
    """Return what msgspec expected: of "Expected `int` >= 1, got .." "an integer of at least 1"."""
    if expected == "Number out of range":
        return "a number of usual size"
    kind = expected.partition(", got ")[0].removeprefix("Expected ").replace("`", "")
    words = kind.removesuffix(" | null").replace(" | ", " or ").split(" ")
    return " ".join(_WORDS.get(word, word) for word in words)


def described_by_caller(value: Any) -> Either:
    """Return what a value is as Python calls it, and for the command, which reads JSON, as that."""
    return Either(described(value), described_json(value))


def listed(names: Iterable[Any]) -> str:
    """Return the beginning of a list of names, sorted, for a message."""
    given = list(names)
    try:
        return shortened(sorted(map(str, given)))
    except Exception:  # whatever a key's own methods raise
        return shortened(given)


def shortened(value: Any, most: int = 80) -> str:
    """Return at most `most` characters of a value's repr, for a message.

    Of a large value no more is made than is shown, and a repr that fails is the name of its type.
    """
    try:
        text = _begun(value, most)
    except Exception:  # whatever a repr raises
        text = f"<{type(value).__name__}>"
    return text if len(text) <= most else text[: most - 3] + "..."


def _begun(value: Any, most: int) -> str:
    """Return a repr, or at least the first `most` characters of it."""
    if isinstance(value, str):
        return repr(str.__getitem__(value, slice(most)) + "..."[: max(0, len(value) - most)])
    if isinstance(value, bytes | bytearray):
        return repr(bytes(value[:most]))
    if isinstance(value, int) and value.bit_length() > 1000:
        return "a huge number"
    shown = reprlib.Repr()
    shown.maxstring = shown.maxother = shown.maxlong = most
    shown.maxlist = shown.maxtuple = shown.maxdict = shown.maxset = shown.maxfrozenset = 20
    return shown.repr(value)
