"""Measure how far the embedded model's probabilities can be trusted where they were not fitted.

    make calibration

The shipped map was fitted on queries of all eight development collections. So it is measured on
collections that neither it nor the training saw, and each of the eight by a map that was fitted in
the same way to the other seven. With the scores that `make quality QUALITY_MORE="--first-stage
dense"` keeps, in --scores, it takes a few minutes; without them it scores all candidates first.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from benchmarks.calibration.measured import judged, rows
from benchmarks.calibration.result import MARKER, Result, page
from benchmarks.calibration.unseen import unseen
from benchmarks.quality.markdown import SHIPPED
from benchmarks.quality.score_files import ScoreFiles
from benchmarks.quality.scorers import CrossEncoder
from benchmarks.quality.task import COLLECTIONS, Task, dense_candidates, open_task
from benchmarks.run import Benchmark, command, main, now
from secondpass import Embedder
from secondpass.calibration.judged import Judged
from secondpass.cli.output import progress
from secondpass.environment.machine import read_machine
from secondpass.environment.software import read_software
from secondpass.evaluation.collection import Collection


def _measure(arguments: argparse.Namespace) -> Iterator[Result]:
    """Yield the new collections first, which are scored each time, then all."""
    embedder, scorer = Embedder(), CrossEncoder(SHIPPED)
    find = dense_candidates(embedder, progress)
    own = ScoreFiles(arguments.out.with_suffix(".scores"), resume=True)
    kept = ScoreFiles(arguments.scores, resume=True) if arguments.scores else own

    def scored(task: Task, files: ScoreFiles) -> Judged:
        with progress(f"{task.name}, {scorer.label}", len(task.run)) as advance:
            return judged(task, files.score(task, scorer, advance).scores)

    def task_of(collection: Collection) -> Task:
        run, found_by = find(collection, Path(), arguments.depth)
        return Task(collection, run, found_by, len(collection.qrels))

    def result(known: dict[str, Judged]) -> Result:
        return Result(
            created=now(),
            command=command("calibration"),
            machine=read_machine(),
            software=read_software(),
            model=scorer.info,
            first_stage=embedder.name,
            depth=arguments.depth,
            seed=arguments.seed,
            rows=rows(known, new, arguments.seed),
        )

    sampled = unseen(arguments.data, arguments.queries, arguments.seed)
    new = [scored(task_of(one), own) for one in sampled]
    yield result({})
    folders = [arguments.data / "eval" / name for name in COLLECTIONS]
    tasks = (
        open_task(
            one,
            depth=arguments.depth,
            queries=arguments.dev_queries,
            seed=arguments.seed,
            find=find,
        )
        for one in folders
    )
    yield result({task.name: scored(task, kept) for task in tasks})


def _add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--data", type=Path, default=Path("../shared/data"), help="holds eval/ and train/")
    add("--scores", type=Path, help="scores that benchmarks.quality kept of the same candidates")
    add("--queries", type=int, default=20, help="random sample of each new collection")
    add("--dev-queries", type=int, help="random sample of each of the eight; by default all")
    add("--depth", type=int, default=100, help="candidates of a query")
    add("--seed", type=int, default=0)


BENCHMARK = Benchmark(
    "calibration",
    __doc__ or "",
    Result,
    _add_options,
    _measure,
    lambda result: {MARKER: page(result)},
)

if __name__ == "__main__":
    main(BENCHMARK)
