"""What was found so far, as JSON, and the numbers of a table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.pages import write_json
from benchmarks.selection.systems import EXITS, System
from secondpass.options.effort import Effort


@dataclass(frozen=True)
class Measured:
    """One system on one set: a value for each query, in the set's order."""

    reads: str
    budget: int | None
    effort: Effort
    ndcg: list[float]
    layer_tokens: list[int]
    selecting_layer_tokens: list[int]
    ms: list[float]

    @property
    def system(self) -> System:
        return System(self.reads, self.budget, self.effort)


@dataclass(frozen=True)
class Set:
    """One set of candidates read by every system. `words` is what documents were padded to."""

    name: str
    collection_sha256: str
    candidates_sha256: str
    depth: int
    words: int | None
    judged_queries: int
    query_ids: list[str]
    measured: list[Measured]

    def of(self, system: System) -> Measured | None:
        """Return what a system gave here."""
        return next((one for one in self.measured if one.system == system), None)


@dataclass(frozen=True)
class Result:
    """All of it, and what it depends on."""

    command: str
    model: Mapping[str, object]
    machine: Mapping[str, object]
    seed: int
    sets: list[Set]


def write(result: Result, file: Path) -> None:
    """Write it whole or not at all."""
    write_json(asdict(result), file)


def read(file: Path) -> Result:
    """Read what `write` wrote."""
    fields = json.loads(file.read_text())
    sets = [
        Set(**{**one, "measured": [Measured(**each) for each in one["measured"]]})
        for one in fields["sets"]
    ]
    return Result(**{**fields, "sets": sets})


def compute(one: Measured, whole: Measured) -> float:
    """Return its layers times tokens over those of reading whole, over all queries."""
    taken = sum(one.layer_tokens) + sum(one.selecting_layer_tokens)
    return taken / sum(whole.layer_tokens)


def on_exits(one: Measured, of: Set) -> NDArray[np.float64] | None:
    """Return nDCG@10 of each query that exits alone reach at the same compute.

    Between two efforts it is the line between them; beyond the cheapest there is nothing.
    """
    points = [of.of(system) for system in EXITS]
    if not all(points):
        return None
    whole = points[-1]
    costs = [compute(point, whole) for point in points]
    at = compute(one, whole)
    if at < costs[0]:
        return None
    weights = [np.interp(at, costs, row) for row in np.eye(len(points))]
    return np.array(weights) @ np.array([point.ndcg for point in points])


def pooled(values: Sequence[Sequence[float] | NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the values of all sets in one row."""
    return np.concatenate([np.asarray(one, np.float64) for one in values])
