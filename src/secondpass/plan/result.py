"""What `secondpass plan` found: predictions of each reranker for one target, and their check."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from secondpass.cost.line import Cost
from secondpass.facts.machine import Machine, read_machine
from secondpass.facts.software import Software, read_software
from secondpass.plan.check import Checked, median_p50_error, median_p95_error
from secondpass.plan.plan import Plan
from secondpass.report.page import write
from secondpass.types import ModelInfo

SCHEMA = "secondpass/plan/1"
SCHEMA_FILE = Path(__file__).with_name("schema.json")
DEPTHS = (10, 20, 50, 100, 200)


@dataclass(frozen=True, slots=True)
class Target:
    """The P95 the rerank may take, and the tokens of each document."""

    p95_ms: float
    document_tokens: int


@dataclass(frozen=True, slots=True)
class Prediction:
    """What reranking so many candidates will take."""

    depth: int
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class Planned:
    """One reranker: the depth within the target, predictions, and how far off they were.

    `needed_bytes` is an estimate, and `available_bytes` were there before the model was loaded.
    `cores_taken` is how many processors other work took while it was calibrated; `warning` says so
    where they were missing.
    """

    reranker: ModelInfo
    needed_bytes: int
    available_bytes: int
    overhead_tokens: int
    cost: Cost
    depth: int
    predictions: tuple[Prediction, ...]
    checked: tuple[Checked, ...]
    median_p50_error: float | None
    median_p95_error: float | None
    note: str | None
    cores_taken: float
    warning: str | None

    def at(self, depth: int) -> Prediction:
        """Return the prediction of one of `DEPTHS`."""
        return next(one for one in self.predictions if one.depth == depth)


@dataclass(frozen=True, slots=True)
class PlanResult:
    """All of it, with the machine it holds for."""

    finished_at: str
    command: str
    machine: Machine
    software: Software
    target: Target
    planned: tuple[Planned, ...]

    @property
    def best(self) -> Planned:
        """The reranker with the largest depth; the first of equals."""
        return max(self.planned, key=lambda one: one.depth)


def plan_result(plans: Sequence[Plan], target: Target, command: str) -> PlanResult:
    """Predict for one target."""
    return PlanResult(
        finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
        command=command,
        machine=read_machine(),
        software=read_software(),
        target=target,
        planned=tuple(_planned(plan, target) for plan in plans),
    )


def write_json(file: str, result: PlanResult) -> None:
    """Write the result as schema.json describes it, or raise an InputError that names the file."""
    write(file, json.dumps(to_json(result), indent=1, allow_nan=False) + "\n")


def to_json(result: PlanResult) -> dict[str, Any]:
    """Return the result as plain JSON values."""
    loaded: dict[str, Any] = json.loads(
        json.dumps({"schema": SCHEMA} | asdict(result), allow_nan=False)
    )
    return loaded


def _planned(plan: Plan, target: Target) -> Planned:
    length = plan.length(target.document_tokens)
    checked = list(plan.checked)
    return Planned(
        reranker=plan.info,
        needed_bytes=plan.memory.needed,
        available_bytes=plan.memory.available,
        overhead_tokens=plan.overhead,
        cost=plan.cost,
        depth=plan.cost.depth_within(target.p95_ms, length),
        predictions=tuple(
            Prediction(depth, plan.cost.p50_ms(depth, length), plan.cost.p95_ms(depth, length))
            for depth in DEPTHS
        ),
        checked=plan.checked,
        median_p50_error=median_p50_error(checked) if checked else None,
        median_p95_error=median_p95_error(checked) if checked else None,
        note=_cut_note(plan, target.document_tokens),
        cores_taken=plan.others.taken,
        warning=plan.others.warning,
    )


def _cut_note(plan: Plan, document_tokens: int) -> str | None:
    """Say that the predictions are for less than whole documents, where they are."""
    length = plan.length(document_tokens)
    if length == document_tokens + plan.overhead:
        return None
    return f"documents are cut at {length} tokens, query included"
