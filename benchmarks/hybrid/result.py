"""What was measured, and its page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.pages import table as markdown_table
from benchmarks.quality.statistics import Values, mean_interval, mean_of_means
from secondpass.environment.machine import Machine
from secondpass.environment.software import Software
from secondpass.options.mode import MODES, Mode

# The marker of the page.
MARKER = "hybrid"


@dataclass(frozen=True)
class Case:
    """nDCG@10 of one collection and one mode, a value a query.

    `first` are all judged queries, by the first stage alone. `sampled` are those of the queries
    that were reranked, in the same order as `reranked`; `ordered_by` says by what.
    """

    collection: str
    mode: Mode
    first: tuple[float, ...]
    sampled: tuple[float, ...]
    reranked: tuple[float, ...]
    ordered_by: str


@dataclass(frozen=True)
class Result:
    """All cases that were measured."""

    created: str
    command: str
    machine: Machine
    software: Software
    depth: int
    cases: tuple[Case, ...]


def page(result: Result) -> str:
    """Return the table and what it rests on."""
    machine, software = result.machine, result.software
    orders = {one.mode: one.ordered_by for one in result.cases}
    return (
        f"{machine.processor}, Python {software.python}, secondpass "
        f"{software.packages.get('secondpass')}; {result.created[:10]}, `{result.command}`.\n\n"
        f"nDCG@10 with its 95 % interval, over all judged queries for the first stage and over a "
        f"seeded choice of them where its {result.depth} best were reranked, by "
        + "; ".join(f"{mode}: {order}" for mode, order in orders.items())
        + f".\n\n{table(result)}\n\nThe mean counts each collection the same; its interval draws "
        "queries within collections and says nothing of other collections. Differences are paired "
        "by query."
    )


def table(result: Result) -> str:
    """Return the table alone."""
    names = list(dict.fromkeys(one.collection for one in result.cases))
    head = ["collection", "queries", *MODES, "reranked", *(f"{mode} + reranker" for mode in MODES)]
    rows = [_row(name, [_case(result, name, mode) for mode in MODES]) for name in names]
    whole = [name for name in names if all(_case(result, name, mode) for mode in MODES)]
    if whole:
        rows += [_means(result, whole), _differences(result, whole)]
    return markdown_table(head, rows)


def _row(name: str, cases: Sequence[Case | None]) -> list[str]:
    there = [one for one in cases if one is not None]
    return [
        name,
        str(len(there[0].first)),
        *(_cell(one and [np.array(one.first)]) for one in cases),
        str(len(there[0].reranked)),
        *(_cell(one and [np.array(one.reranked)]) for one in cases),
    ]


def _means(result: Result, names: Sequence[str]) -> list[str]:
    return [
        "**mean**",
        "",
        *(_cell(_values(result, names, mode, _first)) for mode in MODES),
        "",
        *(_cell(_values(result, names, mode, _reranked)) for mode in MODES),
    ]


def _differences(result: Result, names: Sequence[str]) -> list[str]:
    """Return what each mode's mean is above that of vectors alone."""

    def against_dense(mode: Mode, of: Callable[[Case], Values]) -> str:
        if mode == "dense":
            return "–"
        before, after = (_values(result, names, one, of) for one in ("dense", mode))
        differences = [new - old for old, new in zip(before, after, strict=True)]
        low, high = mean_interval(differences, seed=0)
        return f"{mean_of_means(differences):+.4f} [{low:+.4f}, {high:+.4f}]"

    return [
        "mean − dense",
        "",
        *(against_dense(mode, _first) for mode in MODES),
        "",
        *(against_dense(mode, _reranked) for mode in MODES),
    ]


def _first(case: Case) -> Values:
    return np.array(case.first)


def _reranked(case: Case) -> Values:
    return np.array(case.reranked)


def _values(
    result: Result, names: Sequence[str], mode: Mode, of: Callable[[Case], Values]
) -> list[Values]:
    cases = [_case(result, name, mode) for name in names]
    return [of(one) for one in cases if one is not None]


def _case(result: Result, name: str, mode: Mode) -> Case | None:
    found = (one for one in result.cases if (one.collection, one.mode) == (name, mode))
    return next(found, None)


def _cell(samples: list[Values] | None) -> str:
    if not samples:
        return "–"
    low, high = mean_interval(samples, seed=0)
    return f"{mean_of_means(samples):.4f} [{low:.3f}, {high:.3f}]"
