"""Measured collections to the result: means, intervals, differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.quality.gate import int8_gate
from benchmarks.quality.measured import MEASURE, Measured
from benchmarks.quality.result import (
    Against,
    CollectionResult,
    Gate,
    MeanRow,
    Quality,
    Row,
    System,
)
from benchmarks.quality.statistics import mean_interval, mean_of_means
from secondpass.environment.machine import read_machine
from secondpass.environment.software import read_software
from secondpass.stats.paired import paired_difference
from secondpass.stats.percentiles import summarize

# Every other system is compared with those of them that are there.
BM25, BI_ENCODER = "BM25", "bi-encoder"


@dataclass(frozen=True)
class Facts:
    """What the result says of the run itself; `missing` names collections still to come."""

    created: str
    command: str
    depth: int
    seed: int
    seconds: float
    missing: tuple[str, ...] = ()


def assemble(measured: Sequence[Measured], systems: Sequence[System], facts: Facts) -> Quality:
    """Return the result of what has been measured so far."""
    return Quality(
        complete=not facts.missing,
        machine=read_machine(),
        software=read_software(),
        measure=MEASURE,
        systems=tuple(systems),
        collections=tuple(_collection(one, systems, facts.seed) for one in measured),
        means=tuple(_mean_row(measured, one.label, facts.seed) for one in systems),
        gates=_gates(measured, systems, facts.seed),
        **vars(facts),
    )


def _collection(measured: Measured, systems: Sequence[System], seed: int) -> CollectionResult:
    task = measured.task
    return CollectionResult(
        name=task.name,
        sha256=task.collection.sha256,
        candidates_sha256=task.candidates_sha256,
        first_stage=task.first_stage,
        documents=len(task.collection.documents),
        judged_queries=task.judged_queries,
        candidates=task.candidates,
        query_ids=tuple(task.collection.qrels),
        rows=tuple(_row(measured, one.label, seed) for one in systems),
    )


def _row(measured: Measured, label: str, seed: int) -> Row:
    values = measured.values[label]
    mean = summarize(list(values), seed=seed).mean
    scored = measured.scored.get(label)
    return Row(
        label=label,
        mean=mean.value,
        low=mean.low,
        high=mean.high,
        against=tuple(_against(measured, label, base, seed) for base in _bases(measured, label)),
        score_median=float(np.median(np.concatenate(list(measured.scores[label].values())))),
        seconds=scored.seconds if scored else None,
        tokens=scored.tokens if scored else None,
        truncated=scored.truncated if scored else None,
        refused=len(scored.refused) if scored else 0,
        ndcg=tuple(map(float, values)),
    )


def _bases(measured: Measured, label: str) -> tuple[str, ...]:
    return tuple(one for one in (BM25, BI_ENCODER) if one in measured.values and one != label)


def _against(measured: Measured, label: str, base: str, seed: int) -> Against:
    found = paired_difference(measured.values[base], measured.values[label], seed=seed)
    return Against(base, found.mean, found.low, found.high, found.p_value)


def _mean_row(measured: Sequence[Measured], label: str, seed: int) -> MeanRow:
    samples = [one.values[label] for one in measured]
    low, high = mean_interval(samples, seed=seed)
    against = []
    for base in _bases(measured[0], label):
        differences = [one.values[label] - one.values[base] for one in measured]
        bounds = mean_interval(differences, seed=seed)
        against.append(Against(base, mean_of_means(differences), *bounds, None))
    return MeanRow(label, mean_of_means(samples), low, high, tuple(against))


def _gates(measured: Sequence[Measured], systems: Sequence[System], seed: int) -> tuple[Gate, ...]:
    """Compare the first fp32 reranker with each at int8."""
    by_precision: dict[str, list[str]] = {"fp32": [], "int8": []}
    for one in systems:
        if one.kind == "reranker" and one.model:
            by_precision.setdefault(one.model.precision, []).append(one.label)
    return tuple(
        int8_gate(measured, fp32, int8, seed=seed)
        for fp32 in by_precision["fp32"][:1]
        for int8 in by_precision["int8"]
    )
