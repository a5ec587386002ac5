"""Parts of an evaluation in words, for the page and for the terminal alike."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from secondpass.checks import counted
from secondpass.environment.machine import Machine
from secondpass.environment.software import Software
from secondpass.evaluation.result import (
    CollectionFacts,
    Comparison,
    Curve,
    CurvePoint,
    Evaluation,
    ShownDocument,
)
from secondpass.evaluation.verdict import bounds, corrected_for
from secondpass.types import ModelInfo

# The packages whose version decides a ranking or its measures.
_NAMED_PACKAGES = ("secondpass", "openvino", "torch", "tokenizers", "ir-measures", "scipy")

# Measures that know which documents are among the first, and not in which order.
_OF_A_SET = re.compile(r"(?:R|P|Success|Judged)(?:\(.*\))?@([0-9]+)")


def header(evaluation: Evaluation) -> str:
    """Return the lines that say what the numbers depend on."""
    lines = {
        "collection": _collection(evaluation.collection),
        "first stage": evaluation.first_stage,
        **_embedder(evaluation),
        "reranked": f"the top {evaluation.depth} by {_model(evaluation.model)}",
        **_states(evaluation),
        **_fusion(evaluation),
        "machine": _machine(evaluation.machine),
        "software": f"{_software(evaluation.software)}; seed {evaluation.seed}",
    }
    return "\n".join(f"{name:<12} {text}" for name, text in lines.items())


def _collection(facts: CollectionFacts) -> str:
    return (
        f"{facts.name}, {facts.queries:,} queries, {facts.documents:,} documents, "
        f"{facts.judgements:,} judgements up to grade {facts.highest_grade}, "
        f"sha256 {facts.sha256[:12]}"
    )


def _embedder(evaluation: Evaluation) -> dict[str, str]:
    if evaluation.embedder is None:
        return {}
    vectors = f"{evaluation.vectors:,} vectors of {evaluation.dimension} numbers"
    return {"embedded": f"{vectors} by {_model(evaluation.embedder)}"}


def _states(evaluation: Evaluation) -> dict[str, str]:
    if evaluation.states is None:
        return {}
    return {"states": f"each candidate's, {evaluation.states}; encoding them is not in the times"}


def _fusion(evaluation: Evaluation) -> dict[str, str]:
    """Say what the order is by; a reranker may do better with its first stage, or without."""
    fusion = evaluation.fusion
    return {"ordered by": "the reranker alone" if fusion is None else fusion.in_words}


def _model(model: ModelInfo) -> str:
    return (
        f"{model.name}, {model.precision}, {model.engine.split('-')[0]} on {model.device}, "
        f"{model.threads} threads, {model.max_length} tokens at most, "
        f"weights {model.weights_sha256[:12]}"
    )


def _machine(machine: Machine) -> str:
    free, total = (amount / 2**30 for amount in (machine.memory_available, machine.memory_total))
    return (
        f"{machine.processor}, {machine.cores_usable} cores usable, "
        f"{free:.1f} of {total:.1f} GiB memory available"
    )


def _software(software: Software) -> str:
    named = (
        f"{name} {software.packages[name]}" for name in _NAMED_PACKAGES if name in software.packages
    )
    return f"Python {software.python}, {', '.join(named)}"


def comparison_cells(comparison: Comparison) -> tuple[str, ...]:
    """Return measure, first stage, reranked, difference with its interval, and p."""
    return (
        comparison.measure,
        f"{comparison.first_stage:.4f}",
        f"{comparison.reranked:.4f}",
        bounds(comparison),
        f"{comparison.p_holm:.4f}",
    )


def rules_in_words(comparisons: Sequence[Comparison]) -> str:
    """Say what the intervals and p are, and for how many measures p is corrected."""
    count = corrected_for(comparisons)
    rules = "interval: bootstrap (BCa), of each measure alone; p: two-sided randomization test"
    if count > 1:
        rules += f", after Holm's correction for {counted(count, 'measure')} that can differ"
    return rules


def verdict_cell(comparison: Comparison, depth: int) -> str:
    """Return the verdict, or that there can be none: an order within the top changes no set."""
    of_a_set = _OF_A_SET.fullmatch(comparison.measure)
    if of_a_set and int(of_a_set[1]) >= depth:
        first = of_a_set[1]
        return f"cannot change: the top {depth} are reordered, and it counts the first {first}"
    if not comparison.helped + comparison.hurt:
        return "the same for every query"
    return comparison.verdict


def curve_table(curve: Curve) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the columns and rows of a depth curve: depth, each measure, P50 and P95."""
    rows = [
        (
            str(point.depth),
            *(f"{value:.4f}" for value in point.values.values()),
            _milliseconds(point, "p50_ms"),
            _milliseconds(point, "p95_ms"),
        )
        for point in curve.points
    ]
    return ("depth", *curve.points[0].values, "P50 ms", "P95 ms"), rows


def _milliseconds(point: CurvePoint, field: Literal["p50_ms", "p95_ms"]) -> str:
    """Return a time of a point; not to rerank takes none."""
    if point.depth == 0:
        return "0"
    return in_milliseconds(getattr(point.latency, field, None))


def in_milliseconds(time_ms: float | None) -> str:
    """Return a time in whole milliseconds; a dash where none was measured or it is withheld."""
    return "–" if time_ms is None else f"{time_ms:.0f}"


def enough_in_words(curve: Curve) -> str:
    """Name the smallest depth that is good enough."""
    best = next(point for point in curve.points if point.depth == curve.best_depth)
    if curve.enough_depth == 0:
        return (
            f"Without reranking {curve.measure} is already within 1 % of the best "
            f"({best.values[curve.measure]:.4f}, depth {curve.best_depth})."
        )
    return (
        f"Depth {curve.enough_depth} is the smallest within 1 % of the best {curve.measure} "
        f"({best.values[curve.measure]:.4f}, depth {curve.best_depth})."
    )


def place_in_words(document: ShownDocument) -> str:
    """Say where a document moved, and its grade."""
    grade = "not judged" if document.grade is None else f"grade {document.grade}"
    return f"from rank {document.first_rank} to {document.rank}, {grade}"
