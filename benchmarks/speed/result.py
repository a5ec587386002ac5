"""What was timed, to JSON and back, and the ratios taken round by round."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.pages import write_json

SCHEMA = "secondpass/speed/1"


@dataclass(frozen=True)
class Row:
    """One contestant: milliseconds of each round, and how its order agrees with the first row's.

    `spearman` is None where the orders cannot be compared; `incomparable` then says why.
    """

    name: str
    label: str
    detail: str
    ms: tuple[float, ...]
    spearman: float | None
    incomparable: str | None


@dataclass(frozen=True)
class Result:
    """All rows, the first of which the others are compared with, and what they depend on."""

    schema: str
    created: str
    command: str
    machine: Mapping[str, Any]
    software: Mapping[str, Any]
    model: str
    weights_sha256: str
    depth: int
    seed: int
    tokens_mean: float
    rows: tuple[Row, ...]

    @property
    def rounds(self) -> int:
        return len(self.rows[0].ms)

    def row(self, name: str) -> Row | None:
        """Return a contestant's row, None where it did not take part."""
        return next((one for one in self.rows if one.name == name), None)


@dataclass(frozen=True)
class Ratio:
    """Median, least and largest of the rounds' own ratios."""

    median: float
    least: float
    largest: float


def times_faster(base: Row, one: Row) -> Ratio:
    """Return how many times as fast as `base` a contestant is, compared round by round."""
    ratios = [theirs / ours for theirs, ours in zip(base.ms, one.ms, strict=True)]
    return Ratio(median(ratios), min(ratios), max(ratios))


def write_result(result: Result, file: Path) -> None:
    """Write it whole or not at all."""
    write_json(asdict(result), file)


def read_result(file: Path) -> Result:
    """Read what `write_result` wrote."""
    fields = json.loads(file.read_text())
    if fields.get("schema") != SCHEMA:
        raise SystemExit(f"{file} has the schema {fields.get('schema')!r}, expected {SCHEMA!r}")
    rows = tuple(Row(**{**one, "ms": tuple(one["ms"])}) for one in fields.pop("rows"))
    return Result(**fields, rows=rows)
