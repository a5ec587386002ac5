"""Orders the candidates by each system's scores and measures every query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.result import System
from benchmarks.quality.scorers import Scored
from benchmarks.quality.task import Scores, Task
from secondpass.evaluation.measures import Measures
from secondpass.evaluation.rerank import at_depth
from secondpass.evaluation.runs import Ranked, Run
from secondpass.options.fusion import Fusion
from secondpass.scoring.fusion import fuse

MEASURE = "nDCG@10"
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """One task: each scorer's scores, and each system's scores and values by label."""

    task: Task
    scored: Mapping[str, Scored]
    scores: Mapping[str, Scores]
    values: Mapping[str, Values]


def measure(task: Task, systems: Sequence[System], scored: Mapping[str, Scored]) -> Measured:
    """Measure all systems on one task; none scores anything again."""
    measures = Measures((MEASURE,), task.collection.qrels)
    scores = {system.label: system_scores(system, task, scored) for system in systems}
    values = {label: measures.values(ordered(task, one))[MEASURE] for label, one in scores.items()}
    return Measured(task, scored, scores, values)


def system_scores(system: System, task: Task, scored: Mapping[str, Scored]) -> Scores:
    """Return a system's scores of a task: the first stage's, a scorer's, or a fusion of both."""
    if system.kind == "first stage":
        return task.first_scores
    if system.kind == "fusion":
        assert system.of is not None
        fusion = Fusion("weighted", system.weight, system.passage_weight)
        queries = task.collection.queries
        return fused(scored[system.of].scores, task.first_scores, fusion, queries)
    return scored[system.label].scores


def fused(logits: Scores, first: Scores, fusion: Fusion, queries: Mapping[str, str]) -> Scores:
    """Return what a search ranks by, over each query's own candidates.

    A query without logits stays without.
    """
    found = {
        query_id: fuse(
            fusion.of(queries[query_id]),
            logits=values,
            scores=values,
            first_stage_scores=first[query_id],
        )
        for query_id, values in logits.items()
    }
    return {query_id: values for query_id, values in found.items() if values is not None}


def ordered(task: Task, scores: Scores) -> Run:
    """Return the run in the order of the scores; a query without keeps the first stage's."""
    named = {
        query_id: tuple(
            Ranked(one.document_id, float(score))
            for one, score in zip(task.run[query_id], values, strict=True)
        )
        for query_id, values in scores.items()
    }
    return at_depth(task.run, named, max(map(len, task.run.values())))
