"""Measure whether budgets hold, idle and busy, and nDCG@10 against the budget.

    make deadline

Nothing else should run beside it: what is called idle is the machine as it is.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.deadline import markdown, picture
from benchmarks.deadline.calls import questions_of, time_calls
from benchmarks.deadline.curve import curve_of
from benchmarks.deadline.result import Result, read_result, write_result
from benchmarks.deadline.spinning import spinning
from benchmarks.pages import add_page_options, parse_with_pages, place
from benchmarks.quality.__main__ import COLLECTIONS
from benchmarks.quality.picture import save
from benchmarks.quality.task import Task, open_task
from secondpass import CrossEncoderReranker
from secondpass.cli.output import progress
from secondpass.errors import SecondpassError
from secondpass.facts.machine import read_machine
from secondpass.facts.software import read_software

MARKER = "deadline"


def main() -> None:
    """Measure, or show what was measured."""
    arguments = _arguments()
    try:
        result = read_result(arguments.show) if arguments.show else _measured(arguments)
    except SecondpassError as error:
        sys.exit(f"error: {error}")
    if arguments.picture and result.curve:
        save(picture.draw(result), arguments.picture)
    for file in arguments.into:
        place(file, {MARKER: markdown.page(result)})
    print(markdown.page(result))


def _measured(arguments: argparse.Namespace) -> Result:
    """Time the calls, then the curve; what is done is on disk after each step."""
    reranker = CrossEncoderReranker()
    reranker.calibrate()
    result = _empty(arguments, reranker)
    for load, processes in (("idle", 0), ("busy", arguments.spinners)):
        if load in arguments.loads:
            result = _with_calls(result, arguments, reranker, load, processes)
    for folder in (arguments.data / name for name in arguments.only):
        task = _open(folder, arguments)
        total = len(task.run) * (len(arguments.curve) + 1)
        with progress(task.name, total) as advance:
            points = curve_of(reranker, task, arguments.curve, advance)
        result = replace(result, curve=(*result.curve, *points))
        write_result(result, arguments.out)
    return result


def _with_calls(
    result: Result,
    arguments: argparse.Namespace,
    reranker: CrossEncoderReranker,
    load: str,
    processes: int,
) -> Result:
    questions = questions_of(_open(arguments.data / arguments.timed, arguments, every=True))
    for budget_ms in arguments.budgets:
        label = f"{load}, {budget_ms:g} ms"
        with spinning(processes), progress(label, arguments.calls) as advance:
            one = time_calls(
                reranker,
                questions,
                load=load,
                budget_ms=budget_ms,
                calls=arguments.calls,
                advance=advance,
            )
        result = replace(result, timed=(*result.timed, one))
        write_result(result, arguments.out)
    return result


def _open(folder: Path, arguments: argparse.Namespace, *, every: bool = False) -> Task:
    queries = None if every else arguments.queries
    return open_task(folder, depth=arguments.depth, queries=queries, seed=arguments.seed)


def _empty(arguments: argparse.Namespace, reranker: CrossEncoderReranker) -> Result:
    return Result(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        command=shlex.join(["python", "-m", "benchmarks.deadline", *sys.argv[1:]]),
        machine=asdict(read_machine()),
        software=asdict(read_software()),
        model=asdict(reranker.info),
        depth=arguments.depth,
        spinners=arguments.spinners,
        timed=(),
        curve=(),
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.deadline", description=(__doc__ or "").splitlines()[0]
    )
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
    add("--queries", type=int, help="a seeded choice of so many queries of each collection")
    add("--depth", type=int, default=100, help="candidates of a query")
    add("--seed", type=int, default=0)
    add_page_options(parser, out="the result as JSON, written after each step")
    add("--picture", type=Path, help="draw the curve, as .svg or .png")
    return parse_with_pages(parser)


if __name__ == "__main__":
    main()
