"""Conditions: what is read, and what is refused with the way out."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from functools import reduce

import numpy as np
import pytest

pytest.importorskip("sqlglot")

from secondpass.errors import InputError
from secondpass.retrieval.stores.filters import And, Compare, In, IsNull, Not, Or
from secondpass.retrieval.where import checked_where

COLUMNS = {
    "year": "int",
    "lang": "str",
    "price": "float",
    "new": "bool",
    "first-page": "int",
    "select": "str",
}

# sqlglot warns of each, while it reads it or while it writes it.
NOISY = ["lang -> 2.5", "lang -> 'a[' = 'b'", "JSON_EXTRACT(lang, 'x[')"]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("year >= 2020", Compare("year", ">=", 2020)),
        ("2020 <= year", Compare("year", ">=", 2020)),
        ("year = -5", Compare("year", "=", -5)),
        ("year <> 2020", Compare("year", "!=", 2020)),
        ("lang = 'en'", Compare("lang", "=", "en")),
        ("lang = 'it''s'", Compare("lang", "=", "it's")),
        ("lang != '; DROP TABLE x --'", Compare("lang", "!=", "; DROP TABLE x --")),
        ("lang = '2020'", Compare("lang", "=", "2020")),
        ("price < 2", Compare("price", "<", 2.0)),
        ("price < -1.5e3", Compare("price", "<", -1500.0)),
        ("new = TRUE", Compare("new", "=", True)),
        ("new", Compare("new", "=", True)),
        ("NOT new", Not(Compare("new", "=", True))),
        ('"first-page" > 3', Compare("first-page", ">", 3)),
        ("\"select\" = 'x'", Compare("select", "=", "x")),
        ("lang IN ('en', 'de')", In("lang", ("en", "de"))),
        ("lang NOT IN ('en')", Not(In("lang", ("en",)))),
        (
            "year BETWEEN 2019 AND 2021",
            And((Compare("year", ">=", 2019), Compare("year", "<=", 2021))),
        ),
        ("lang IS NULL", IsNull("lang")),
        ("lang IS NOT NULL", Not(IsNull("lang"))),
        (
            "year >= 2020 AND lang = 'en' AND new = FALSE",
            And(
                (
                    Compare("year", ">=", 2020),
                    Compare("lang", "=", "en"),
                    Compare("new", "=", False),
                )
            ),
        ),
        (
            "(year = 1 OR year = 2) AND NOT (lang = 'en')",
            And(
                (
                    Or((Compare("year", "=", 1), Compare("year", "=", 2))),
                    Not(Compare("lang", "=", "en")),
                )
            ),
        ),
        (Compare("price", "<", 2), Compare("price", "<", 2.0)),
        (And((IsNull("lang"), In("year", (1,)))), And((IsNull("lang"), In("year", (1,))))),
    ],
)
def test_a_condition_is_read_as_what_it_says(where, expected):
    assert checked_where(where, COLUMNS) == expected


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("", "where is empty"),
        (7, "where is 7, expected a condition"),
        ("year >=", "cannot be read"),
        ("year >= 2020 AND", "cannot be read"),
        ("(year = 1", "cannot be read"),
        ("lang = 'en", "cannot be read"),
        ("yaer = 2020", "'yaer', which is not a declared column.*did you mean 'year'"),
        ("YEAR = 2020", "'YEAR', which is not a declared column.*did you mean 'year'"),
        ('lang = "en"', "which is a name: write text in single quotes"),
        ("lang = en", "which is a name: write text in single quotes"),
        ("year = '2020'", "'year' with '2020', expected an integer"),
        ("year = 2020.5", "'year' with 2020.5, expected an integer"),
        ("year = TRUE", "'year' with True, expected an integer"),
        ("year = 99999999999999999999", "at most 9223372036854775807"),
        ("lang = 5", "'lang' with 5, expected text in single quotes"),
        ("price = 'x'", "'price' with 'x', expected a number"),
        ("price < 1e999", "expected a number"),
        ("new = 1", "'new' with 1, expected TRUE or FALSE"),
        ("new > FALSE", "by >: use ="),
        ("lang = NULL", "write lang IS NULL"),
        ("lang LIKE 'e%'", "expected a comparison of a column"),
        ("year + 1 = 2020", "expected a comparison of a column"),
        ("lower(lang) = 'en'", "expected a comparison of a column"),
        ("year = year", "which is a name"),
        ("1 = 1", "expected a comparison of a column"),
        ("TRUE", "expected a comparison of a column"),
        ("year", "expected a comparison of a column"),
        ("documents.year = 1", "expected a comparison of a column"),
        ("year IN (SELECT 1)", "expected a comparison of a column"),
        ("year = (SELECT 1)", "expected a comparison of a column"),
        ("year = 1; DROP TABLE documents", "where"),
        ("year = 1 UNION SELECT 1", "where"),
        ("year = ?", "expected a comparison of a column"),
        ("year = 1 " + "OR year = 1 " * 2000, "characters, expected at most"),
        ("(" * 300 + "year = 1" + ")" * 300, "where"),
        (In("year", ()), "has an IN for .year. of nothing"),
        (And(()), "of nothing"),
        (Compare("year", "~", 1), "has the operator '~'"),
        (Compare("nothing", "=", 1), "not a declared column"),
        (Compare("year", "=", "2020"), "expected an integer"),
        ("price < " + "9" * 400, "'price' with a huge number, expected a number of at most 1.8e"),
        ("price > -" + "9" * 5000, "'price' with -inf, expected a number of at most 1.8e"),
        ("year = " + "9" * 400, f"a huge number, expected an integer of at most {2**63 - 1}"),
        ("year IN (1, 9223372036854775808)", "expected an integer of at most"),
        (Compare("year", "=", 10**5000), "a huge number, expected an integer"),
        (Compare("price", "=", 10**400), "a huge number, expected a number"),
        (Compare("price", "=", float("nan")), "'price' with nan, expected a number"),
        (Compare("price", "=", Decimal(1)), "expected a number"),
        (In("price", (1.0, -float("inf"))), "'price' with -inf, expected a number"),
        ("lang = '\ud800'", r"'lang' with '\\ud800', which has a lone surrogate"),
        ("lang IN ('a', 'b\udc80')", "which has a lone surrogate"),
        (Compare("lang", "=", "\udfff"), "which has a lone surrogate"),
        (Compare("lang", "=", b"a"), "'lang' with b'a', expected text"),
        (Compare("year", ["="], 1), r"has the operator \['='\]"),
        (Compare("new", "LIKE", True), "has the operator 'LIKE'"),
        (Compare([], "=", 1), r"names \[\], which is not a declared column"),
        (IsNull([]), r"names \[\], which is not a declared column"),
        (IsNull("yaer"), "did you mean 'year'"),
        (In("lang", "abc"), "IN for 'lang' of 'abc', expected a tuple"),
        (In("lang", None), "IN for 'lang' of None, expected a tuple"),
        (In(None, ("a",)), "names None"),
        (And(None), "of None, expected a tuple of filters"),
        (Or("ab"), "of 'ab', expected a tuple of filters"),
        (Or(IsNull("lang")), "expected a tuple of filters"),
        (Not("x"), "where has 'x', expected Compare, In"),
        (Not(None), "where has None, expected Compare, In"),
        (And(("year = 1",)), "where has 'year = 1', expected Compare, In"),
        (reduce(lambda part, _: Not(part), range(3000), IsNull("lang")), "within each other"),
        (reduce(lambda part, _: And((part,)), range(31), IsNull("lang")), "within each other"),
        (reduce(lambda part, _: Or((part, part)), range(25), IsNull("lang")), "more than 10000"),
        ("NOT " * 31 + "new", "within each other"),
        # What sqlglot's own parser falls over, in its words or in Python's.
        ("int { : } DATE_TRUNC('x', year) ,", "cannot be read"),
        ("(" * 4000, "cannot be read"),
    ],
)
def test_what_is_refused_names_the_value_and_the_way_out(where, said):
    with pytest.raises(InputError, match=said):
        checked_where(where, COLUMNS)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (Compare("year", "=", np.int64(-3)), Compare("year", "=", -3)),
        (Compare("price", "=", np.float32(0.5)), Compare("price", "=", 0.5)),
        (Compare("price", "=", 10**300), Compare("price", "=", 1e300)),
        (Compare("new", "=", np.True_), Compare("new", "=", True)),
        (In("lang", ["de", "en"]), In("lang", ("de", "en"))),
        (Or([IsNull("lang")]), Or((IsNull("lang"),))),
    ],
)
def test_a_filter_is_made_of_plain_values(given, expected):
    checked = checked_where(given, COLUMNS)
    assert checked == expected
    value = getattr(checked, "value", None)
    assert value is None or type(value) in (int, float, bool)


def test_what_sqlglot_warns_of_is_not_on_standard_error():
    # In a process of its own, since here pytest handles what is logged.
    code = f"""
from secondpass.errors import InputError
from secondpass.retrieval.where import checked_where
for where in {NOISY!r}:
    try:
        checked_where(where, {{"lang": "str"}})
    except InputError as error:
        print(error)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.count("where") >= len(NOISY)
    assert ran.stderr == ""


def test_an_index_without_columns_says_how_to_declare_one():
    with pytest.raises(InputError, match=r"declares no columns: declare it with index\.declare"):
        checked_where("year = 1", {})
