"""What was measured, to JSON and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.pages import write_json


@dataclass(frozen=True)
class Timed:
    """Calls with one budget under one load. `overrun_ms` is below zero for a call in time.

    `allowed_ms` is what the P99 may be: 10 % of the budget or 5 ms, whichever is larger.
    """

    load: str
    budget_ms: float
    calls: int
    p50_overrun_ms: float
    p99_overrun_ms: float
    worst_overrun_ms: float
    allowed_ms: float
    share_read: float
    unread_calls: int

    @property
    def holds(self) -> bool:
        return self.p99_overrun_ms <= self.allowed_ms


@dataclass(frozen=True)
class Point:
    """One collection under one budget; None is no limit, 0 the first stage alone.

    `difference` is the mean gain over the first stage, with the standard error of that mean.
    """

    collection: str
    budget_ms: float | None
    queries: int
    ndcg: float
    difference: float
    standard_error: float
    share_read: float


@dataclass(frozen=True)
class Result:
    """All of it, and what it depends on."""

    created: str
    command: str
    machine: Mapping[str, Any]
    software: Mapping[str, Any]
    model: Mapping[str, Any]
    depth: int
    spinners: int
    timed: tuple[Timed, ...]
    curve: tuple[Point, ...]


def write_result(result: Result, file: Path) -> None:
    """Write it as JSON."""
    write_json(asdict(result), file)


def read_result(file: Path) -> Result:
    """Read what `write_result` wrote."""
    read = json.loads(file.read_text())
    timed = tuple(Timed(**one) for one in read.pop("timed"))
    curve = tuple(Point(**one) for one in read.pop("curve"))
    return Result(**read, timed=timed, curve=curve)
