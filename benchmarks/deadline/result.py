"""What was measured."""

from __future__ import annotations

from dataclasses import dataclass

from secondpass.environment.machine import Machine
from secondpass.environment.software import Software
from secondpass.types import ModelInfo


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
    machine: Machine
    software: Software
    model: ModelInfo
    depth: int
    spinners: int
    timed: tuple[Timed, ...]
    curve: tuple[Point, ...]
