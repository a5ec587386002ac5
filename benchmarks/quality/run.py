"""Scores and measures collection by collection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.quality.assemble import BM25, Facts, assemble
from benchmarks.quality.measured import Measured, measure
from benchmarks.quality.result import Quality, System
from benchmarks.quality.score_files import ScoreFiles
from benchmarks.quality.scorers import Scorer
from benchmarks.quality.task import FindCandidates, Task, bm25_candidates, open_task
from benchmarks.run import now
from secondpass.options.fusion import Fusion
from secondpass.progress import ProgressBar


@dataclass(frozen=True)
class Plan:
    """What to measure. `fusions` are label of the fusion, label of its reranker, and what it is."""

    folders: Sequence[Path]
    scorers: Sequence[Scorer]
    fusions: Sequence[tuple[str, str, Fusion]]
    depth: int
    queries: int | None
    seed: int
    command: str
    first_stage: str = BM25
    find: FindCandidates = bm25_candidates


def measure_all(plan: Plan, kept: ScoreFiles, progress: ProgressBar) -> Iterator[Quality]:
    """Yield the result after each collection: what is still to come marks it incomplete."""
    systems = systems_of(plan)
    measured: list[Measured] = []
    for folder in plan.folders:
        measured.append(_measure(folder, plan, systems, kept, progress))
        yield assemble(measured, systems, _facts(plan, measured))


def systems_of(plan: Plan) -> tuple[System, ...]:
    """Return the table's columns: the first stage, the scorers, then the fusions."""
    return (
        System(plan.first_stage, "first stage"),
        *(System(one.label, one.kind, one.info) for one in plan.scorers),
        *(
            System(label, "fusion", None, of, fusion.weight, fusion.passage_weight)
            for label, of, fusion in plan.fusions
        ),
    )


def _measure(
    folder: Path,
    plan: Plan,
    systems: Sequence[System],
    kept: ScoreFiles,
    progress: ProgressBar,
) -> Measured:
    task = open_task(folder, depth=plan.depth, queries=plan.queries, seed=plan.seed, find=plan.find)
    scored = {one.label: _score(task, one, kept, progress) for one in plan.scorers}
    return measure(task, systems, scored)


def _score(task: Task, scorer: Scorer, kept: ScoreFiles, progress: ProgressBar):
    with progress(f"{task.name}, {scorer.label}", len(task.run)) as advance:
        return kept.score(task, scorer, advance)


def _facts(plan: Plan, measured: Sequence[Measured]) -> Facts:
    """Seconds are those of scoring, also of an earlier run that this one resumes."""
    return Facts(
        created=now(),
        command=plan.command,
        depth=plan.depth,
        seed=plan.seed,
        seconds=sum(each.seconds for one in measured for each in one.scored.values()),
        missing=tuple(folder.name for folder in plan.folders[len(measured) :]),
    )
