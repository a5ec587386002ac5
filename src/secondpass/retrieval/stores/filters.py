"""Which rows a search may find: a small tree over declared columns, which each store translates.

It is SQL's logic of three values: a comparison with a row that has no value is neither true nor
false, and only rows of which the whole is true are found. Text is ordered by its code points.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Value = str | int | float | bool
ColumnType = Literal["str", "int", "float", "bool"]
COLUMN_TYPES: tuple[ColumnType, ...] = get_args(ColumnType)

Operator = Literal["=", "!=", "<", "<=", ">", ">="]
OPERATORS: tuple[Operator, ...] = get_args(Operator)


@dataclass(frozen=True, slots=True)
class Compare:
    """A column's value beside a given one."""

    column: str
    operator: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class In:
    """A column's value is one of some."""

    column: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class IsNull:
    """A column has no value in this row: its field is null, or not there."""

    column: str


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite; of what is neither true nor false there is none."""

    part: Filter


@dataclass(frozen=True, slots=True)
class And:
    """All of some, at least one."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of some, at least one."""

    parts: tuple[Filter, ...]


Filter = Compare | In | IsNull | Not | And | Or


def columns_in(tree: Filter) -> Iterator[str]:
    """Yield the columns that a filter reads, some more than once."""
    match tree:
        case Not(part):
            yield from columns_in(part)
        case And(parts) | Or(parts):
            for part in parts:
                yield from columns_in(part)
        case _:
            yield tree.column


def holds(tree: Filter, row: Mapping[str, Value | None]) -> bool | None:
    """Tell whether a filter is true of a row: the rule that every store's translation keeps to."""
    match tree:
        case IsNull(column):
            return row[column] is None
        case Not(part):
            inner = holds(part, row)
            return None if inner is None else not inner
        case And(parts):
            values = [holds(part, row) for part in parts]
            return False if False in values else None if None in values else True
        case Or(parts):
            values = [holds(part, row) for part in parts]
            return True if True in values else None if None in values else False
        case In(column, wanted):
            value = row[column]
            return None if value is None else value in wanted
        case Compare(column, operator, wanted):
            value = row[column]
            return None if value is None else _compared(value, operator, wanted)


def _compared(value: Value, operator: Operator, wanted: Value) -> bool:
    if operator == "=":
        return value == wanted
    if operator == "!=":
        return value != wanted
    # Both are of the column's type.
    if operator == "<":
        return value < wanted  # type: ignore[operator]
    if operator == "<=":
        return value <= wanted  # type: ignore[operator]
    if operator == ">":
        return value > wanted  # type: ignore[operator]
    return value >= wanted  # type: ignore[operator]
