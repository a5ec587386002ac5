"""What was measured, and its page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.pages import table as markdown_table
from secondpass.environment.machine import Machine
from secondpass.environment.software import Software

# The marker of the page.
MARKER = "stores"


@dataclass(frozen=True)
class Search:
    """The milliseconds of each search of one kind."""

    name: str
    milliseconds: tuple[float, ...]

    def percentile(self, share: float) -> float:
        """Return a percentile of them."""
        return float(np.percentile(self.milliseconds, share))


@dataclass(frozen=True)
class Case:
    """One store with `vectors` documents.

    `load_s` is the time to write all documents, `graph_s` to build the approximate index, and
    `recall` the mean share of the 100 nearest that a search by it finds; each None where the store
    stays exact.
    """

    store: str
    vectors: int
    load_s: float
    bytes: int
    graph_s: float | None
    graph_bytes: int | None
    recall: float | None
    searches: tuple[Search, ...]


@dataclass(frozen=True)
class Result:
    """All cases that were measured; `server` is what PostgreSQL and pgvector say they are."""

    created: str
    command: str
    machine: Machine
    software: Software
    server: str
    dimension: int
    words: int
    limit: int
    cases: tuple[Case, ...]


def page(result: Result) -> str:
    """Return the table and what it rests on."""
    machine, software = result.machine, result.software
    lance = software.packages.get("lancedb")
    return (
        f"{machine.processor}, {machine.cores_usable} cores, Python {software.python}, LanceDB "
        f"{lance}, {result.server}; {result.created[:10]}, `{result.command}`.\n\n"
        f"Vectors of {result.dimension} dimensions are drawn round as many centres as there are "
        f"hundreds of them, texts of {result.words} words by Zipf's law; queries leave the 30 most "
        f"frequent words out. A search is for {result.limit} documents; those of the stores take "
        f"turns, and the first two of each kind are not counted.\n\n{table(result.cases)}"
    )


def table(cases: Sequence[Case]) -> str:
    """Return the table alone."""
    names = list(dict.fromkeys(search.name for case in cases for search in case.searches))
    head = ["store", "documents", "load s", "MB", "approximate index s", "its MB", "recall@100"]
    head += [f"{name} P50 / P95 ms" for name in names]
    return markdown_table(head, (_row(case, names) for case in cases))


def _row(case: Case, names: Sequence[str]) -> list[str]:
    searches = {search.name: search for search in case.searches}
    return [
        case.store,
        f"{case.vectors:,}",
        f"{case.load_s:.1f}",
        f"{case.bytes / 1e6:,.0f}",
        "-" if case.graph_s is None else f"{case.graph_s:.1f}",
        "-" if case.graph_bytes is None else f"{case.graph_bytes / 1e6:,.0f}",
        "-" if case.recall is None else f"{case.recall:.3f}",
        *(_times(searches.get(name)) for name in names),
    ]


def _times(search: Search | None) -> str:
    if search is None:
        return "-"
    return f"{search.percentile(50):.1f} / {search.percentile(95):.1f}"
