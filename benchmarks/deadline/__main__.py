"""Measure whether budgets hold, idle and busy, and nDCG@10 against the budget.

    make deadline

Nothing else should run beside it: what is called idle is the machine as it is.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.deadline import markdown, picture
from benchmarks.deadline.calls import questions_of, time_calls
from benchmarks.deadline.curve import curve_of
from benchmarks.deadline.result import Result, Timed
from benchmarks.deadline.spinning import spinning
from benchmarks.quality.task import COLLECTIONS, Task, open_task
from benchmarks.run import Benchmark, command, main, now
from secondpass import CrossEncoderReranker
from secondpass.cli.output import progress
from secondpass.environment.machine import read_machine
from secondpass.environment.software import read_software

MARKER = "deadline"


def _measure(arguments: argparse.Namespace) -> Iterator[Result]:
    """Time the calls, then the curve."""
    reranker = CrossEncoderReranker()
    reranker.calibrate()
    result = _empty(arguments, reranker)
    for load, processes in (("idle", 0), ("busy", arguments.spinners)):
        if load in arguments.loads:
            for calls in _time(arguments, reranker, load, processes):
                result = replace(result, timed=(*result.timed, calls))
                yield result
    for folder in (arguments.data / name for name in arguments.only):
        task = _open(folder, arguments)
        total = len(task.run) * (len(arguments.curve) + 1)
        with progress(task.name, total) as advance:
            points = curve_of(reranker, task, arguments.curve, advance)
        result = replace(result, curve=(*result.curve, *points))
        yield result


def _time(
    arguments: argparse.Namespace, reranker: CrossEncoderReranker, load: str, processes: int
) -> Iterator[Timed]:
    questions = questions_of(_open(arguments.data / arguments.timed, arguments, every=True))
    for budget_ms in arguments.budgets:
        label = f"{load}, {budget_ms:g} ms"
        with spinning(processes), progress(label, arguments.calls) as advance:
            calls = time_calls(
                reranker,
                questions,
                load=load,
                budget_ms=budget_ms,
                calls=arguments.calls,
                advance=advance,
            )
        yield calls


def _open(folder: Path, arguments: argparse.Namespace, *, every: bool = False) -> Task:
    queries = None if every else arguments.queries
    return open_task(folder, depth=arguments.depth, queries=queries, seed=arguments.seed)


def _empty(arguments: argparse.Namespace, reranker: CrossEncoderReranker) -> Result:
    return Result(
        created=now(),
        command=command("deadline"),
        machine=read_machine(),
        software=read_software(),
        model=reranker.info,
        depth=arguments.depth,
        spinners=arguments.spinners,
        timed=(),
        curve=(),
    )


def _add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--data", type=Path, default=Path("../shared/data/eval"), help="holds the collections")
    add("--timed", default="dl19", metavar="NAME", help="the collection whose calls are timed")
    add("--loads", nargs="*", default=["idle", "busy"], choices=["idle", "busy"])
    add("--spinners", type=int, default=2, help="processes that make the machine busy")
    add("--calls", type=int, default=1000, help="calls for each budget and load")
    add("--budgets", nargs="+", type=float, default=[20.0, 50.0, 100.0, 200.0], metavar="MS")
    add("--only", nargs="*", default=COLLECTIONS, metavar="NAME", help="the curve's collections")
    add(
        "--curve",
        nargs="+",
        type=float,
        default=[10.0, 20.0, 50.0, 100.0, 200.0, 400.0],
        metavar="MS",
        help="the curve's budgets, beside the first stage and no limit",
    )
    add("--queries", type=int, help="random sample of this many queries of each collection")
    add("--depth", type=int, default=100, help="candidates of a query")
    add("--seed", type=int, default=0)


BENCHMARK = Benchmark(
    "deadline",
    __doc__ or "",
    Result,
    _add_options,
    _measure,
    lambda result: {MARKER: markdown.page(result)},
    picture.draw,
)

if __name__ == "__main__":
    main(BENCHMARK)
