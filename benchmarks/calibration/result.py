"""What was found, and its table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.pages import table as markdown_table
from secondpass.calibration.fit import CalibrationError
from secondpass.environment.machine import Machine
from secondpass.environment.software import Software
from secondpass.types import ModelInfo

MARKER = "calibration"


@dataclass(frozen=True)
class Trust:
    """How far a map's probabilities are right: over all candidates, and of each query's best.

    `best_said` is the mean probability of a query's most probable candidate, `best_right` the share
    of queries where it is relevant.
    """

    error: CalibrationError
    best_said: float
    best_right: float


@dataclass(frozen=True)
class Row:
    """One collection. `known` says that the shipped map was fitted on some of its queries: then it
    is measured by a map that was fitted to the other known ones alone, else by the shipped one.
    """

    collection: str
    sha256: str
    known: bool
    queries: int
    pairs: int
    relevant: int
    trust: Trust


@dataclass(frozen=True)
class Result:
    """All rows, and what they depend on."""

    created: str
    command: str
    machine: Machine
    software: Software
    model: ModelInfo
    first_stage: str
    depth: int
    seed: int
    rows: tuple[Row, ...]


def page(result: Result) -> str:
    """Return the table and what it rests on."""
    model = result.model
    return (
        f"{model.name} at {model.precision}, the {result.depth} candidates nearest to each query "
        f"by {result.first_stage}; {result.created[:10]}, `{result.command}`.\n\n{table(result)}"
    )


def table(result: Result) -> str:
    """Return the table alone: new collections first."""
    head = (
        *("collection", "queries", "relevant", "calibration error [95 %]"),
        *("best candidate: said", "right"),
    )
    new = [one for one in result.rows if not one.known]
    known = [one for one in result.rows if one.known]
    cells = [*_rows(new, ""), *_rows(known, ", map of the others")]
    return markdown_table(head, cells)


def _rows(rows: Iterable[Row], map_: str) -> Iterator[Sequence[str]]:
    for row in rows:
        trust, error = row.trust, row.trust.error
        yield (
            f"{row.collection}{map_}",
            f"{row.queries:,}",
            f"{row.relevant / row.pairs:.2%}",
            f"{error.error:.4f} [{error.low:.4f}, {error.high:.4f}]",
            f"{trust.best_said:.2f}",
            f"{trust.best_right:.2f}",
        )
