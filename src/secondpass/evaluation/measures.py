"""Measures of a ranking by ir_measures, one value a query."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondpass.checks import shortened
from secondpass.errors import InputError, MissingExtraError
from secondpass.evaluation.qrels import HIGHEST_GRADE, Qrels, checked_grade, checked_id
from secondpass.evaluation.runs import Run

DEFAULT_MEASURES = ("nDCG@10", "RR@10", "AP", "R@100")

# The most of a measure's parameters; native code takes a 0 or 2**31 at its word.
_MOST = {"cutoff": 1_000_000, "rel": HIGHEST_GRADE}

# What stands between several measures, and not within the parentheses of one.
_BETWEEN = re.compile(r"[\s,;+]+(?![^(]*\))")
_COMMA = re.compile(r",(?![^(]*\))")
# Letters that are read for digits.
_DIGITS = str.maketrans("OolI", "0011")
_MOST_SUGGESTED = 60

# Measure name -> one value for each query, in the order of the qrels.
Values = Mapping[str, NDArray[np.float64]]


def check_measures(names: Sequence[str]) -> None:
    """Check names before there is anything to measure.

    Raises:
        InputError: a name that ir_measures does not know or cannot compute here.
        MissingExtraError: ir_measures is not installed.
    """
    Measures(names, {"query": {"document": 1}})


class Measures:
    """Measures by name, checked once and then computed on any number of runs.

    Raises:
        InputError: a name that ir_measures does not know or cannot compute here.
        MissingExtraError: ir_measures is not installed.
    """

    def __init__(self, names: Sequence[str], qrels: Qrels) -> None:
        measures = _import_ir_measures()
        self._query_ids = list(qrels)
        self._measures = [_parse(measures, name) for name in dict.fromkeys(names)]
        self.names = tuple(map(str, self._measures))
        judged = _checked(qrels)
        try:
            self._evaluator = measures.evaluator(self._measures, judged)
        except ValueError as error:
            packages = re.findall(r"pip install [^\s)]+", str(error))
            raise InputError(
                f"--measure {shortened(', '.join(names), 200)} cannot be computed by the packages "
                f"that are installed{''.join(f'; {line}' for line in packages[:1])}"
            ) from None

    @property
    def binary(self) -> tuple[str, ...]:
        """Return the measures that know only relevant or not, and count grades of 1 and more so."""
        return tuple(
            str(one)
            for one in self._measures
            if "rel" in one.SUPPORTED_PARAMS and one["rel"] == 1 and "rel" not in one.params
        )

    def values(self, run: Run) -> Values:
        """Return each measure's value for each query; a query without results has zero.

        Positions stand in for the scores: the packages behind ir_measures break ties in ways of
        their own, and so each of them sees the one order that `run` has.
        """
        positions = {
            query_id: {one.document_id: float(-at) for at, one in enumerate(run[query_id])}
            for query_id in self._query_ids
            if run.get(query_id)
        }
        found = {
            (str(metric.measure), metric.query_id): metric.value
            for metric in self._evaluator.iter_calc(positions)
        }
        return {
            name: np.array([found[name, query_id] for query_id in self._query_ids], np.float64)
            for name in self.names
        }


def _checked(qrels: Qrels) -> dict[str, dict[str, int]]:
    """Return judgements that are safe for native code, which believes what it is given."""
    return {
        checked_id(query_id, "judgements"): {
            checked_id(document_id, "judgements"): checked_grade(grade, "judgements")
            for document_id, grade in judged.items()
        }
        for query_id, judged in qrels.items()
    }


def _parse(measures: Any, name: str) -> Any:
    parsed = _parsed(measures, name)
    if parsed is None:
        raise InputError(f"--measure {shortened(name)} is not a measure{_hint(measures, name)}")
    for parameter, value in parsed.params.items():
        most = _MOST.get(parameter)
        if most is not None and not 1 <= value <= most:
            raise InputError(f"--measure {name!r}: {parameter} is {value}, expected 1 to {most}")
    return parsed


def _parsed(measures: Any, name: str) -> Any:
    """Return what ir_measures makes of a name, None where it makes nothing of it."""
    try:
        parsed = measures.parse_measure(name)
        parsed.validate_params()
    except (AssertionError, KeyError, MemoryError, NameError, TypeError, ValueError):
        return None
    return parsed


def _hint(measures: Any, name: str) -> str:
    """Say what may be meant: several measures, a name that is nearly one, a cutoff, its options."""
    if re.fullmatch("[0-9]+", name):
        return f"; did you mean nDCG@{name}? --depth {name} sets how many candidates are reranked"
    parts = [part for part in _BETWEEN.split(name) if part]
    if _COMMA.search(name) or (len(parts) > 1 and all(_parsed(measures, one) for one in parts)):
        return ": give --measure several times"
    called, rest = re.fullmatch(r"([^@(]*)(.*)", name, re.S).groups()  # type: ignore[union-attr]
    registry = measures.measures.registry
    known: dict[str, str] = {}
    for one in registry:  # a measure comes before its other names
        known.setdefault(one.lower(), one)
    near = get_close_matches(called.strip().lower(), known, n=1)
    if near:
        meant = called if called in registry else known[near[0]]
        for end in (rest, rest.translate(_DIGITS), "@10", ""):
            if len(meant + end) <= _MOST_SUGGESTED and _parsed(measures, meant + end):
                return f"; did you mean {meant}{end}?"
    return f"; write for example {', '.join(DEFAULT_MEASURES)} or AP(rel=2)"


def _import_ir_measures() -> Any:
    try:
        import ir_measures
    except ImportError as error:
        raise MissingExtraError("secondpass eval", "measure") from error
    # ir_measures 0.4.3 asks for nodes that Python 3.12 warns of and Python 3.14 does not have.
    ir_measures.util._ast_to_value = ast.literal_eval
    return ir_measures
