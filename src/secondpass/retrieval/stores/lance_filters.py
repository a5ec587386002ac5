"""Declared columns of a LanceDB table, and a filter as LanceDB and as Arrow read it.

A column is called by its number in the table, and its field says its name: so no name of a user's
becomes part of SQL.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondpass.retrieval.stores.filters import (
    And,
    ColumnType,
    Compare,
    Filter,
    In,
    IsNull,
    Not,
    Operator,
    Or,
    Value,
)

# A column of the table is this and a number.
COLUMN = "column_"
_KEY = b"secondpass.column"
_ARROW = {"=": "equal", "!=": "not_equal", "<": "less", "<=": "less_equal"} | {
    ">": "greater",
    ">=": "greater_equal",
}
_OPPOSITE: Mapping[Operator, Operator] = {
    "=": "!=",
    "!=": "=",
    "<": ">=",
    ">=": "<",
    ">": "<=",
    "<=": ">",
}


def column_field(number: int, name: str, type_: ColumnType) -> Any:
    """Return the Arrow field of a declared column."""
    import pyarrow as pa

    return pa.field(f"{COLUMN}{number}", arrow_type(type_), metadata=declaration(name, type_))


def arrow_type(type_: ColumnType) -> Any:
    """Return the Arrow type of a declared column."""
    import pyarrow as pa

    types = {"str": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}
    return types[type_]


def declared_in(schema: Any) -> Mapping[str, ColumnType]:
    """Return the columns that a table declares, and their types."""
    return {said["name"]: said["type"] for _, said in _declared(schema)}


def fields_in(schema: Any) -> Mapping[str, str]:
    """Return declared column -> field of the table."""
    return {said["name"]: field for field, said in _declared(schema)}


def next_number(schema: Any) -> int:
    """Return a number that no field of a table has."""
    used = [int(name.removeprefix(COLUMN)) for name in column_fields(schema)]
    return max(used, default=-1) + 1


def column_fields(schema: Any) -> list[str]:
    """Return the fields that are of columns, also those of a column that was begun and left."""
    return [name for name in schema.names if name.startswith(COLUMN)]


def left_behind(schema: Any) -> list[str]:
    """Return the fields of columns that were begun by a process that died."""
    declared = set(fields_in(schema).values())
    return [name for name in column_fields(schema) if name not in declared]


def declaration(name: str, type_: ColumnType) -> Mapping[str, str]:
    """Return what the field of a column says of it, as text."""
    return {_KEY.decode(): json.dumps({"name": name, "type": type_})}


def to_sql(tree: Filter, fields: Mapping[str, str], *, negated: bool = False) -> str:
    """Return a filter, or what is false where it is true, as SQL; `fields` is column -> field.

    A NOT goes to the comparisons: LanceDB takes few within each other, and then hangs.
    """
    match tree:
        case Compare(column, operator, value):
            return (
                f"{fields[column]} {_OPPOSITE[operator] if negated else operator} {_literal(value)}"
            )
        case In(column, values):
            some = ", ".join(map(_literal, _both_zeros(values)))
            return f"{fields[column]} {'NOT ' * negated}IN ({some})"
        case IsNull(column):
            return f"{fields[column]} IS {'NOT ' * negated}NULL"
        case Not(part):
            return to_sql(part, fields, negated=not negated)
        case And(parts) | Or(parts):
            word = " AND " if isinstance(tree, And) != negated else " OR "
            return word.join(f"({to_sql(part, fields, negated=negated)})" for part in parts)


def mask(tree: Filter, table: Any, fields: Mapping[str, str]) -> NDArray[np.bool_]:
    """Return of which rows of an Arrow table, or batch, a filter is true."""
    from pyarrow import compute

    true: NDArray[np.bool_] = np.asarray(
        compute.fill_null(_evaluated(tree, table, fields), False), np.bool_
    )
    return true


def _evaluated(tree: Filter, table: Any, fields: Mapping[str, str]) -> Any:
    import pyarrow as pa
    from pyarrow import compute

    def each(parts: tuple[Filter, ...]) -> list[Any]:
        return [_evaluated(part, table, fields) for part in parts]

    match tree:
        case Compare(column, operator, value):
            values = table.column(fields[column])
            return getattr(compute, _ARROW[operator])(values, pa.scalar(value, values.type))
        case In(column, wanted):
            values = table.column(fields[column])
            found = compute.is_in(values, value_set=pa.array(_both_zeros(wanted), values.type))
            return compute.if_else(compute.is_null(values), pa.scalar(None, pa.bool_()), found)
        case IsNull(column):
            return compute.is_null(table.column(fields[column]))
        case Not(part):
            return compute.invert(_evaluated(part, table, fields))
        case And(parts):
            return reduce(compute.and_kleene, each(parts))
        case Or(parts):
            return reduce(compute.or_kleene, each(parts))


def _both_zeros(values: tuple[Value, ...]) -> tuple[Value, ...]:
    """Return the values of an IN, with 0.0 and -0.0 where one is there: Arrow keeps them apart."""
    zero = any(isinstance(value, float) and value == 0 for value in values)
    return (*values, 0.0, -0.0) if zero else values


def _literal(value: Value) -> str:
    """Return a value as SQL; a quote is the only character special in a text."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    # A float with its exponent or its point, and with all its digits.
    return repr(value)


def _declared(schema: Any) -> list[tuple[str, dict[str, Any]]]:
    return [
        (field.name, json.loads(field.metadata[_KEY]))
        for field in schema
        if field.metadata and _KEY in field.metadata
    ]
