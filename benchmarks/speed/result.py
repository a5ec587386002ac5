"""What was timed, and the ratios taken round by round."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Literal

from secondpass.environment.machine import Machine
from secondpass.environment.software import Software


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


@dataclass(frozen=True, kw_only=True)
class Result:
    """All rows, the first of which the others are compared with, and what they depend on."""

    schema: Literal["secondpass/speed/1"] = "secondpass/speed/1"
    created: str
    command: str
    machine: Machine
    software: Software
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
