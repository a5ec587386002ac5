"""Measure the peak memory of a call, a process each, while its candidates grow.

    make memory

Candidates are docstrings, all sizes with the same mix of lengths: more candidates are not longer
ones. The embedded model as it comes; the peak is of the whole process, Python and texts in it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.memory.result import MARKER, Call, Result, page
from benchmarks.run import Benchmark, command, main, now
from secondpass.environment.machine import read_machine
from secondpass.environment.software import read_software
from secondpass.options.effort import EFFORTS

ROOT = Path(__file__).parent.parent.parent


def measure(candidates: int, effort: str) -> Call:
    """Rerank that many candidates in a new process."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory.process", str(candidates), effort],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Call(**json.loads(done.stdout))


def _measure(arguments: argparse.Namespace) -> Iterator[Result]:
    calls: list[Call] = []
    for effort in arguments.efforts:
        for candidates in arguments.candidates:
            calls.append(measure(candidates, effort))
            print(calls[-1], file=sys.stderr)
            yield Result(now(), command("memory"), read_machine(), read_software(), tuple(calls))


def _add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--candidates", nargs="+", type=int, default=[100, 1_000, 10_000], metavar="COUNT")
    add("--efforts", nargs="+", default=["full", "fast"], choices=EFFORTS)


BENCHMARK = Benchmark(
    "memory", __doc__ or "", Result, _add_options, _measure, lambda result: {MARKER: page(result)}
)

if __name__ == "__main__":
    main(BENCHMARK)
