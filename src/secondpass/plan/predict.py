"""Plans to the result: what each reranker will take for one target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from secondpass.cost.line import Cost
from secondpass.environment.machine import read_machine
from secondpass.environment.software import read_software
from secondpass.plan.check import median_p50_error, median_p95_error
from secondpass.plan.index_size import document_bytes, token_bytes
from secondpass.plan.plan import KeptCost, Plan
from secondpass.plan.result import (
    Coefficients,
    Planned,
    PlannedStates,
    PlanResult,
    Prediction,
    Target,
)

DEPTHS = (10, 20, 50, 100, 200)


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


def _planned(plan: Plan, target: Target) -> Planned:
    length = plan.length(target.document_tokens)
    return Planned(
        reranker=plan.info,
        needed_bytes=plan.memory.needed,
        available_bytes=plan.memory.available,
        overhead_tokens=plan.overhead,
        cost=Coefficients(**asdict(plan.cost)),
        depth=plan.cost.depth_within(target.p95_ms, length),
        predictions=_predictions(plan.cost, length),
        checked=plan.checked,
        median_p50_error=median_p50_error(plan.checked),
        median_p95_error=median_p95_error(plan.checked),
        note=_cut_note(plan, target.document_tokens),
        cores_taken=plan.background_load.taken,
        warning=plan.background_load.warning,
        states=None if plan.states is None else _planned_states(plan.states, target, length),
    )


def _predictions(cost: Cost, length: int) -> tuple[Prediction, ...]:
    return tuple(
        Prediction(depth, cost.p50_ms(depth, length), cost.p95_ms(depth, length))
        for depth in DEPTHS
    )


def _planned_states(kept: KeptCost, target: Target, length: int) -> PlannedStates:
    # A text's states are those of its last special token too.
    tokens = (target.document_tokens + 1) * target.documents
    a_token = token_bytes(kept.precision, kept.width)
    without = document_bytes(target.document_tokens) * target.documents
    return PlannedStates(
        precision=kept.precision,
        documents=target.documents,
        token_bytes=a_token,
        index_bytes=without + a_token * tokens,
        index_bytes_without=without,
        encode_seconds=kept.token_seconds * tokens,
        cost=Coefficients(**asdict(kept.cost)),
        depth=kept.cost.depth_within(target.p95_ms, length),
        predictions=_predictions(kept.cost, length),
    )


def _cut_note(plan: Plan, document_tokens: int) -> str | None:
    """Say that the predictions are for less than whole documents, where they are."""
    length = plan.length(document_tokens)
    if length == document_tokens + plan.overhead:
        return None
    return f"documents are cut at {length} tokens, query included"
