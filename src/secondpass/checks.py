"""Checks of values from outside, and what their errors say; every option is checked here.

numpy's numbers count as numbers, and a bool does not. Loads no numpy.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, TypeVar

from secondpass.errors import InputError

T = TypeVar("T")


def is_integer(value: Any, least: int = 1) -> bool:
    """Tell whether a value is an integer of at least `least`."""
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    return whole and int(value) >= least


def integer(
    name: str, value: Any, least: int = 1, most: int | None = None, *, also: str = ""
) -> int:
    """Return `value` as an int if it is one from `least` to `most`; `also` says what else may be.

    Raises:
        InputError: it is not.
    """
    if not is_integer(value, least):
        raise InputError(
            f"{name} is {shortened(value)}, expected an integer of at least {least}{also}"
        )
    if most is not None and value > most:
        raise InputError(f"{name} is {shortened(value)}, expected at most {most}")
    return int(value)


def finite_number(value: Any) -> float | None:
    """Return `value` as a float, or None if it is not a finite number."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        number = float(value)
    except OverflowError:  # an integer that no float is large enough for
        return None
    return number if math.isfinite(number) else None


def one_of(name: str, value: Any, allowed: Sequence[T]) -> T:
    """Return `value` if it is one of the allowed words.

    Raises:
        InputError: it is not.
    """
    if not isinstance(value, str) or value not in allowed:
        raise InputError(
            f"{name} is {shortened(value)}, expected one of {', '.join(map(str, allowed))}"
        )
    return value  # type: ignore[return-value]


def path(name: str, value: Any, expected: str) -> str:
    """Return a path or name as a string that is not empty.

    Raises:
        InputError: it is not one.
    """
    if not isinstance(value, str | os.PathLike) or not os.fspath(value):
        raise InputError(f"{name} is {shortened(value)}, expected {expected}")
    return os.fspath(value)


def described(value: Any) -> str:
    """Return a value's type and the beginning of it, for a message."""
    return f"{type(value).__name__} {shortened(value, 40)}"


def shortened(value: Any, most: int = 80) -> str:
    """Return at most `most` characters of a value's repr, for a message."""
    try:
        shown = repr(value)
    except ValueError:  # an integer of more digits than Python writes
        return "a huge number"
    return shown if len(shown) <= most else shown[: most - 3] + "..."
