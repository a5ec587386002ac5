"""Measures of a ranking by ir_measures, one value a query."""

from __future__ import annotations

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
        try:
            self._evaluator = measures.evaluator(self._measures, _checked(qrels))
        except ValueError as error:
            raise InputError(f"--measure {', '.join(names)}: {error}") from None

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
    try:
        parsed = measures.parse_measure(name)
        parsed.validate_params()
    except (AssertionError, KeyError, NameError, TypeError, ValueError) as error:
        raise InputError(
            f"--measure {shortened(name)} is not known to ir_measures ({str(error)[:80]}); "
            f"{_hint(measures, name)}"
        ) from None
    for parameter, value in parsed.params.items():
        most = _MOST.get(parameter)
        if most is not None and not 1 <= value <= most:
            raise InputError(f"--measure {name!r}: {parameter} is {value}, expected 1 to {most}")
    return parsed


def _hint(measures: Any, name: str) -> str:
    """Say which measure may be meant: a name that is nearly one, or the default's cutoff."""
    if re.fullmatch("[0-9]+", name):
        return f"did you mean nDCG@{name}? --depth {name} sets how many candidates are reranked"
    called, rest = re.fullmatch(r"([^@(]*)(.*)", name, re.S).groups()  # type: ignore[union-attr]
    registry = measures.measures.registry
    known: dict[str, str] = {}
    for one in registry:  # a measure comes before its other names
        known.setdefault(one.lower(), one)
    near = get_close_matches(called.lower(), known, n=1)
    if not near or called in registry:
        return f"write for example {', '.join(DEFAULT_MEASURES)} or AP(rel=2)"
    return f"did you mean {known[near[0]]}{rest[:40]}?"


def _import_ir_measures() -> Any:
    try:
        import ir_measures
    except ImportError as error:
        raise MissingExtraError("secondpass eval", "measure") from error
    return ir_measures
