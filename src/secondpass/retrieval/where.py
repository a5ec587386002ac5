"""A condition in SQL's words to a filter: parsed, and checked against the declared columns.

sqlglot reads it; what it makes of it is taken over piece by piece, so nothing passes that is not
known here, and no store is given text.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Collection, Mapping
from numbers import Real
from typing import Any, get_args

from secondpass.checks import (
    MOST_INTEGER,
    did_you_mean,
    finite_number,
    is_integer,
    is_numpy_bool,
    listed,
    shortened,
)
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
# Parts within parts: more than people write, and less than LanceDB's parser takes.
MOST_DEPTH = 30
MOST_PARTS = 10_000

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
# What is said of a number that a column of numbers cannot have.
_LARGEST = {"int": f" of at most {MOST_INTEGER}", "float": f" of at most {sys.float_info.max:.2g}"}
_SILENT = logging.NullHandler()

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
        return _Checker(columns).check(where)
    if not isinstance(where, str):
        raise _error(f" is {shortened(where)}, expected a condition such as {_EXAMPLE}")
    if not where.strip():
        raise _error(f" is empty, expected a condition such as {_EXAMPLE}")
    if len(where) > MOST_CHARACTERS:
        raise _error(f" has {len(where)} characters, expected at most {MOST_CHARACTERS}")
    return _Checker(columns).check(_Reader(columns).read(_parsed(where), 0))


def _parsed(where: str) -> Any:
    try:
        from sqlglot import exp
        from sqlglot.dialects.dialect import Dialect
    except ImportError as error:
        raise MissingExtraError("where", "search") from error
    # Python prints what nobody handles, and sqlglot warns of what is refused here by name.
    logging.getLogger("sqlglot").addHandler(_SILENT)
    try:
        found = Dialect.get_or_raise(None).parse_into(exp.Condition, where)
    except Exception as error:  # sqlglot's own, and what a parser of half a language falls over
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
        _require_depth(depth)
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
            f" compares {shortened(column)} with {_written(node)}, which is a name: write "
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


class _Checker:
    """Checks a filter whole: its parts, their names and their values."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._parts = 0

    def check(self, tree: Any, depth: int = 0) -> Filter:
        """Return a filter with its values as their columns have them.

        Raises:
            InputError: a part is not a filter, or does not fit the columns.
        """
        self._require_small(depth)
        match tree:
            case Not(part):
                return Not(self.check(part, depth + 1))
            case And(parts) | Or(parts):
                inner = _several(parts, "has an AND or an OR", "filters")
                return type(tree)(tuple(self.check(part, depth + 1) for part in inner))
            case IsNull(column):
                self._type(column)
                return tree
            case In(column, values):
                type_ = self._type(column)
                given = _several(values, f"has an IN for {shortened(column)}", "values")
                return In(column, tuple(_of_type(value, column, type_) for value in given))
            case Compare(column, operator, value):
                type_ = self._type(column)
                _require_operator(operator, column, type_)
                return Compare(column, operator, _of_type(value, column, type_))
        raise _error(
            f" has {shortened(tree)}, expected Compare, In, IsNull, Not, And or Or of "
            "secondpass.retrieval.stores.filters"
        )

    def _require_small(self, depth: int) -> None:
        _require_depth(depth)
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise _error(f" has more than {MOST_PARTS} conditions: use In for many values")

    def _type(self, column: Any) -> ColumnType:
        _require_declared(column, self._columns)
        return self._columns[column]


def _several(values: Any, said: str, expected: str) -> Collection[Any]:
    """Return what is in an IN, an AND or an OR, at least one."""
    if not isinstance(values, tuple | list | set | frozenset):
        raise _error(f" {said} of {shortened(values)}, expected a tuple of {expected}")
    if not values:
        raise _error(f" {said} of nothing")
    return values


def _require_depth(depth: int) -> None:
    if depth > MOST_DEPTH:
        raise _error(f" has more than {MOST_DEPTH} conditions within each other")


def _require_operator(operator: Any, column: str, type_: ColumnType) -> None:
    if not isinstance(operator, str) or operator not in _FLIPPED:
        raise _error(f" has the operator {shortened(operator)}, expected {_KNOWN}")
    if type_ == "bool" and operator not in ("=", "!="):
        raise _error(f" compares {shortened(column)}, TRUE or FALSE, by {operator}: use =")


def _of_type(value: Any, column: str, type_: ColumnType) -> Value:
    """Return a value as a column of this type has it: an integer beside a float is a float."""
    if type_ == "str" and isinstance(value, str):
        return _text(value, column)
    if type_ == "bool" and (isinstance(value, bool) or is_numpy_bool(value)):
        return bool(value)
    if type_ == "int" and is_integer(value, least=-MOST_INTEGER) and int(value) <= MOST_INTEGER:
        return int(value)
    if type_ == "float" and (number := finite_number(value)) is not None:
        return number
    raise _wrong_type(value, column, type_)


def _text(value: str, column: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _error(
            f" compares {shortened(column)} with {shortened(value)}, which has a lone surrogate "
            "and is not valid Unicode text"
        ) from None
    return str(value)


def _require_declared(column: Any, columns: Columns) -> None:
    if isinstance(column, str) and column in columns:
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
    expected = _EXPECTED[type_]
    if isinstance(value, Real) and not isinstance(value, bool):
        expected += _LARGEST.get(type_, "")
    return _error(f" compares {shortened(column)} with {shortened(value)}, expected {expected}")


def _unknown(node: Any) -> InputError:
    return _error(f" has {_written(node)}, expected a comparison of a column: {_KNOWN}")


def _written(node: Any) -> str:
    """Return a part of a condition as SQL, or its kind where sqlglot cannot write what it read."""
    try:
        return shortened(node.sql())
    except Exception:
        return type(node).__name__


def _error(*parts: Any) -> InputError:
    return InputError(Argument("where"), *parts)
