"""A condition in SQL's words to a filter: parsed, and checked against the declared columns.

sqlglot reads it; what it makes of it is taken over piece by piece, so nothing passes that is not
known here, and no store is given text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from secondpass.checks import MOST_INTEGER, did_you_mean, listed, shortened
from secondpass.errors import Argument, Either, InputError, MissingExtraError
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

MOST_CHARACTERS = 10_000
# Parts within parts: more than people write, and less than Python's own stack takes.
MOST_DEPTH = 100

_EXAMPLE = "year >= 2020 AND lang = 'en'"
_KNOWN = "=, !=, <, <=, >, >=, IN, BETWEEN, IS NULL, AND, OR, NOT and brackets"
_OPERATORS: Mapping[str, Operator] = {
    "EQ": "=",
    "NEQ": "!=",
    "LT": "<",
    "LTE": "<=",
    "GT": ">",
    "GTE": ">=",
}
_FLIPPED: Mapping[Operator, Operator] = {
    "=": "=",
    "!=": "!=",
    "<": ">",
    "<=": ">=",
    ">": "<",
    ">=": "<=",
}
_EXPECTED = {
    "str": "text in single quotes",
    "int": "an integer",
    "float": "a number",
    "bool": "TRUE or FALSE",
}

Columns = Mapping[str, ColumnType]


def checked_where(where: Any, columns: Columns) -> Filter:
    """Return a condition as a filter; a filter is checked and returned.

    Args:
        where: `"year >= 2020 AND lang = 'en'"`, or a filter.
        columns: the declared ones.

    Raises:
        InputError: it is not such a condition, names a column that is not declared, or compares one
            with a value of another type.
        MissingExtraError: sqlglot is not installed.
    """
    if isinstance(where, get_args(Filter)):
        return _checked(where, columns)
    if not isinstance(where, str):
        raise _error(f" is {shortened(where)}, expected a condition such as {_EXAMPLE}")
    if not where.strip():
        raise _error(f" is empty, expected a condition such as {_EXAMPLE}")
    if len(where) > MOST_CHARACTERS:
        raise _error(f" has {len(where)} characters, expected at most {MOST_CHARACTERS}")
    return _checked(_Reader(columns).read(_parsed(where), 0), columns)


def _parsed(where: str) -> Any:
    try:
        import sqlglot
        from sqlglot import exp
        from sqlglot.dialects.dialect import Dialect
    except ImportError as error:
        raise MissingExtraError("where", "search") from error
    try:
        found = Dialect.get_or_raise(None).parse_into(exp.Condition, where)
    except (sqlglot.errors.SqlglotError, RecursionError) as error:
        raise _error(
            f" {shortened(where)} cannot be read{_place(error)}: write it like {_EXAMPLE}"
        ) from None
    if len(found) != 1 or found[0] is None:
        raise _error(f" {shortened(where)} is not one condition, such as {_EXAMPLE}")
    return found[0]


def _place(error: BaseException) -> str:
    """Return near what a parser stopped."""
    said = getattr(error, "errors", None) or [{}]
    near = said[0].get("highlight") or ""
    return f" at {shortened(near)}" if near else ""


class _Reader:
    """Takes over what sqlglot has read."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def read(self, node: Any, depth: int) -> Filter:
        """Return a node as a filter.

        Raises:
            InputError: it has what no filter has.
        """
        if depth > MOST_DEPTH:
            raise _error(f" has more than {MOST_DEPTH} conditions within each other")
        kind = type(node).__name__
        if kind in ("And", "Or"):
            parts = tuple(self.read(part, depth + 1) for part in node.flatten())
            return And(parts) if kind == "And" else Or(parts)
        if kind == "Paren":
            return self.read(node.this, depth + 1)
        if kind == "Not":
            return Not(self.read(node.this, depth + 1))
        if kind in _OPERATORS:
            return self._compare(node, _OPERATORS[kind])
        if kind == "In":
            return self._in(node)
        if kind == "Between":
            return self._between(node)
        if kind == "Is":
            return self._is(node)
        if kind == "Column" and self._columns.get(self._column(node)) == "bool":
            return Compare(self._column(node), "=", True)
        raise _unknown(node)

    def _compare(self, node: Any, operator: Operator) -> Filter:
        left, right = node.this, node.expression
        if type(left).__name__ != "Column" and type(right).__name__ == "Column":
            left, right, operator = right, left, _FLIPPED[operator]
        column = self._column(left)
        return Compare(column, operator, _value(right, column, self._type(column)))

    def _in(self, node: Any) -> Filter:
        given = node.args.get("expressions") or []
        others = {name for name, value in node.args.items() if value} - {"this", "expressions"}
        if not given or others:
            raise _unknown(node)
        column = self._column(node.this)
        type_ = self._type(column)
        return In(column, tuple(_value(one, column, type_) for one in given))

    def _between(self, node: Any) -> Filter:
        others = {name for name, value in node.args.items() if value} - {"this", "low", "high"}
        if others:
            raise _unknown(node)
        column = self._column(node.this)
        low, high = (_value(node.args[end], column, self._type(column)) for end in ("low", "high"))
        return And((Compare(column, ">=", low), Compare(column, "<=", high)))

    def _is(self, node: Any) -> Filter:
        column, kind = self._column(node.this), type(node.expression).__name__
        if kind == "Null":
            return IsNull(column)
        if kind == "Boolean" and self._type(column) == "bool":
            # IS is true or false also where there is no value.
            same = Compare(column, "=", bool(node.expression.this))
            return And((Not(IsNull(column)), same))
        raise _unknown(node)

    def _column(self, node: Any) -> str:
        if type(node).__name__ != "Column" or len(node.parts) != 1:
            raise _unknown(node)
        return str(node.name)

    def _type(self, column: str) -> ColumnType:
        _require_declared(column, self._columns)
        return self._columns[column]


def _value(node: Any, column: str, type_: ColumnType) -> Value:
    """Return a literal of a column's type."""
    kind, negative = type(node).__name__, False
    if kind == "Neg":
        node, negative = node.this, True
        kind = type(node).__name__
    if kind == "Boolean" and not negative:
        return bool(node.this)
    if kind == "Null":
        raise _error(f" compares {shortened(column)} with NULL: write {column} IS NULL")
    if kind == "Column":
        raise _error(
            f" compares {shortened(column)} with {shortened(node.sql())}, which is a name: write "
            f"text in single quotes, as in {_EXAMPLE}"
        )
    if kind != "Literal":
        raise _unknown(node)
    if node.is_string and not negative:
        return str(node.this)
    return _number("-" * negative + str(node.this), column, type_)


def _number(digits: str, column: str, type_: ColumnType) -> Value:
    try:
        return int(digits)
    except ValueError:
        pass
    try:
        return float(digits)
    except ValueError:
        raise _wrong_type(digits, column, type_) from None


def _checked(tree: Filter, columns: Columns) -> Filter:
    """Check the names and the values of a filter; an integer beside a float column is a float."""
    match tree:
        case Not(part):
            return Not(_checked(part, columns))
        case And(parts) | Or(parts):
            if not parts:
                raise _error(" has an AND or an OR of nothing")
            return type(tree)(tuple(_checked(part, columns) for part in parts))
        case IsNull(column):
            _require_declared(column, columns)
            return tree
        case In(column, values):
            _require_declared(column, columns)
            if not values:
                raise _error(f" has an IN of nothing for {shortened(column)}")
            return In(column, tuple(_of_type(one, column, columns[column]) for one in values))
        case Compare(column, operator, value):
            _require_declared(column, columns)
            if columns[column] == "bool" and operator not in ("=", "!="):
                raise _error(f" compares {shortened(column)}, TRUE or FALSE, by {operator}: use =")
            if operator not in _FLIPPED:
                raise _error(f" has the operator {shortened(operator)}, expected {_KNOWN}")
            return Compare(column, operator, _of_type(value, column, columns[column]))


def _of_type(value: Any, column: str, type_: ColumnType) -> Value:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if type_ == "float" and number and abs(value) < float("inf"):
        return float(value)
    if type_ == "int" and isinstance(value, int) and number:
        if abs(value) > MOST_INTEGER:
            raise _error(f" compares {shortened(column)} with {value}, more than {MOST_INTEGER}")
        return value
    if (type_ == "bool" and isinstance(value, bool)) or (type_ == "str" and isinstance(value, str)):
        return value
    raise _wrong_type(value, column, type_)


def _require_declared(column: str, columns: Columns) -> None:
    if column in columns:
        return
    if not columns:
        raise _error(
            f" names {shortened(column)}, but the index declares no columns: declare it with ",
            Either("index.declare", "secondpass index PATH... --into DIR --column NAME:TYPE"),
        )
    raise _error(
        f" names {shortened(column)}, which is not a declared column; the index declares "
        f"{listed(columns)}; text is in single quotes{did_you_mean(column, list(columns))}"
    )


def _wrong_type(value: Any, column: str, type_: ColumnType) -> InputError:
    return _error(
        f" compares {shortened(column)} with {shortened(value)}, expected {_EXPECTED[type_]}"
    )


def _unknown(node: Any) -> InputError:
    return _error(f" has {shortened(node.sql())}, expected a comparison of a column: {_KNOWN}")


def _error(*parts: Any) -> InputError:
    return InputError(Argument("where"), *parts)
