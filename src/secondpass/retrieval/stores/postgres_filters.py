"""A filter as PostgreSQL reads it: text with places, and the values that go there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from secondpass.retrieval.stores.filters import (
    And,
    ColumnType,
    Compare,
    Filter,
    In,
    IsNull,
    Not,
    Or,
    Value,
)
from secondpass.retrieval.stores.postgres_text import to_server

SQL_TYPES: Mapping[ColumnType, str] = {
    "str": "text",
    "int": "int8",
    "float": "float8",
    "bool": "bool",
}


def to_sql(
    tree: Filter, fields: Mapping[str, str], types: Mapping[str, ColumnType]
) -> tuple[str, list[Any]]:
    """Return a filter as SQL and its values; `fields` is declared column -> column of a table.

    No value and no name of a user's is in the text.
    """
    match tree:
        case Compare(column, operator, value):
            return f"{fields[column]} {operator} %s::{SQL_TYPES[types[column]]}", [to_value(value)]
        case In(column, values):
            kind = SQL_TYPES[types[column]]
            return f"{fields[column]} = ANY(%s::{kind}[])", [list(map(to_value, values))]
        case IsNull(column):
            return f"{fields[column]} IS NULL", []
        case Not(part):
            inner, values_of = to_sql(part, fields, types)
            return f"NOT ({inner})", values_of
        case And(parts):
            return _joined(" AND ", parts, fields, types)
        case Or(parts):
            return _joined(" OR ", parts, fields, types)


def to_value(value: Value | None) -> Value | None:
    """Return a value of a declared column as the server keeps it."""
    return to_server(value) if isinstance(value, str) else value


def _joined(
    word: str,
    parts: Sequence[Filter],
    fields: Mapping[str, str],
    types: Mapping[str, ColumnType],
) -> tuple[str, list[Any]]:
    made = [to_sql(part, fields, types) for part in parts]
    return word.join(f"({text})" for text, _ in made), [one for _, values in made for one in values]
