"""What was timed of each shape: seconds of each round, and pairs a second."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Literal

from secondpass.environment.machine import Machine
from secondpass.environment.software import Software
from secondpass.result_file import read_result

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Timed:
    """One contestant on one shape: the seconds of each round; without rounds `failed` says why."""

    name: str
    label: str
    detail: str
    seconds: tuple[float, ...]
    failed: str = ""


@dataclass(frozen=True)
class Shape:
    """One shape: its parameters, the pairs of a round, their mean tokens, and who was timed.

    `transformers` is the version that wrote it and that its rivals ran on.
    """

    name: str
    parameters: int
    pairs: int
    tokens_mean: float
    rows: tuple[Timed, ...]
    transformers: str = ""

    def row(self, name: str) -> Timed | None:
        """Return a contestant that was timed."""
        return next((one for one in self.rows if one.name == name and one.seconds), None)

    def rates(self, one: Timed) -> tuple[float, float, float]:
        """Return the median, least and largest pairs a second of the rounds."""
        rates = [self.pairs / spent for spent in one.seconds]
        return median(rates), min(rates), max(rates)


@dataclass(frozen=True, kw_only=True)
class Result:
    """All shapes that were timed, and what they depend on."""

    schema: Literal["secondpass/models/1"] = "secondpass/models/1"
    created: str
    command: str
    machine: Machine
    software: Software
    shapes: tuple[Shape, ...]

    def pairs_a_second(self, shape: str, contestant: str) -> float | None:
        """Return a median, None where it was not measured."""
        for one in self.shapes:
            if one.name == shape and (row := one.row(contestant)) is not None:
                return one.rates(row)[0]
        return None


def newest_result(folder: Path = RESULTS) -> Result | None:
    """Return the newest result there is, None without one."""
    files = sorted(folder.glob("*.json"))
    return read_result(files[-1], Result, "result") if files else None
