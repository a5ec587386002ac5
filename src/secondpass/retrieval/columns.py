"""Declared columns: fields of the metadata that are kept with a type, so that a search can filter.

A field may be absent or null: then the row has no value. In a column of numbers, or of true and
false, text that says one counts as it, and empty text as no value, for CSV has nothing but text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from secondpass.checks import MOST_INTEGER, finite_number, shortened
from secondpass.errors import Argument, InputError
from secondpass.retrieval.stores.filters import COLUMN_TYPES, ColumnType, Value

MOST_COLUMNS = 100
MOST_NAME = 100

_INTEGER = re.compile(r"[+-]?\d{1,30}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_TRUTH = {"true": True, "false": False}
_KINDS = {"str": "text", "int": "an integer", "float": "a number", "bool": "true or false"}


def checked_columns(columns: Any) -> dict[str, ColumnType]:
    """Return declared columns with the names of their types; a type is as good as its name.

    Raises:
        InputError: it is not a mapping, or a name or a type is not one of a column.
    """
    if not isinstance(columns, Mapping):
        raise InputError(
            Argument("columns"),
            f" is {shortened(columns)}, expected a dict such as {{'year': int}}",
        )
    if len(columns) > MOST_COLUMNS:
        raise InputError(
            Argument("columns"), f" has {len(columns)} columns, expected at most {MOST_COLUMNS}"
        )
    return {_checked_name(name): _checked_type(name, type_) for name, type_ in columns.items()}


def new_columns(
    columns: Mapping[str, ColumnType], declared: Mapping[str, ColumnType], location: str
) -> dict[str, ColumnType]:
    """Return those that an index does not declare yet.

    Raises:
        InputError: it declares one with another type.
    """
    for name, type_ in columns.items():
        if declared.get(name, type_) != type_:
            raise InputError(
                f"the index {location} declares {shortened(name)} as {declared[name]}, not {type_}:"
                " leave its type, or make a new index in another folder"
            )
    return {name: type_ for name, type_ in columns.items() if name not in declared}


def column_values(
    metadata: Mapping[str, Any], columns: Mapping[str, ColumnType], where: str
) -> Sequence[Value | None]:
    """Return the values of declared columns, in their order.

    Raises:
        InputError: a field has another type; the message begins with `where`.
    """
    return [_value(metadata.get(name), name, type_, where) for name, type_ in columns.items()]


def values_of(
    metadata: Mapping[str, Any], columns: Mapping[str, ColumnType], where: str
) -> dict[str, Value | None]:
    """Return the values of declared columns by name. Raises as `column_values`."""
    return dict(zip(columns, column_values(metadata, columns, where), strict=True))


def _value(value: Any, name: str, type_: ColumnType, where: str) -> Value | None:
    if value is None:
        return None
    if isinstance(value, str):
        return value if type_ == "str" else _from_text(value, name, type_, where)
    if isinstance(value, bool):
        if type_ == "bool":
            return value
    elif isinstance(value, int | float):
        if type_ == "float":
            return _finite(value, name, where)
        if type_ == "int" and value == int(value):
            return _in_range(int(value), name, where)
    raise _wrong(value, name, type_, where)


def _from_text(text: str, name: str, type_: ColumnType, where: str) -> Value | None:
    plain = text.strip()
    if not plain:
        return None
    if type_ == "int" and _INTEGER.fullmatch(plain):
        return _in_range(int(plain), name, where)
    if type_ == "float" and _NUMBER.fullmatch(plain):
        return _finite(float(plain), name, where)
    if type_ == "bool" and plain.lower() in _TRUTH:
        return _TRUTH[plain.lower()]
    raise _wrong(text, name, type_, where)


def _finite(value: float, name: str, where: str) -> float:
    number = finite_number(value)
    if number is None:
        raise InputError(f"{where}: {name} is {shortened(value)}, larger than a 64-bit number")
    return number


def _in_range(value: int, name: str, where: str) -> int:
    if abs(value) > MOST_INTEGER:
        raise InputError(f"{where}: {name} is {shortened(value)}, expected at most {MOST_INTEGER}")
    return value


def _wrong(value: Any, name: str, type_: ColumnType, where: str) -> InputError:
    return InputError(
        f"{where}: {name} is {shortened(value)}, expected {_KINDS[type_]}, as the column is "
        "declared; mend the value, or declare the column as str"
        + ("" if isinstance(value, str) else ", with text in it")
    )


def _checked_name(name: Any) -> str:
    if not isinstance(name, str) or not name or len(name) > MOST_NAME:
        raise InputError(
            Argument("columns"),
            f" names {shortened(name)}, expected a name of 1 to {MOST_NAME} characters",
        )
    return name


def _checked_type(name: str, type_: Any) -> ColumnType:
    asked = type_.__name__ if isinstance(type_, type) else type_
    for known in COLUMN_TYPES:
        if asked == known:
            return known
    raise InputError(
        Argument("columns"),
        f" declares {shortened(name)} as {shortened(asked)}, expected {', '.join(COLUMN_TYPES)}",
    )
