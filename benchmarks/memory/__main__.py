"""Measure the peak memory of a call, a process each, while its candidates grow.

    make memory

Candidates are docstrings, all sizes with the same mix of lengths: more candidates are not longer
ones. The embedded model as it comes; the peak is of the whole process, Python and texts in it.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.memory.result import MARKER, Call, Result, page, read_result, write_result
from benchmarks.pages import add_page_options, parse_with_pages, place
from secondpass.facts.machine import read_machine
from secondpass.facts.software import read_software
from secondpass.options.effort import EFFORTS

ROOT = Path(__file__).parent.parent.parent


def main() -> None:
    """Measure, or show what was measured."""
    arguments = _arguments()
    result = read_result(arguments.show) if arguments.show else _measured(arguments)
    for file in arguments.into:
        place(file, {MARKER: page(result)})
    print(page(result))


def measure(candidates: int, effort: str) -> Call:
    """Rerank so many candidates in a new process."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory.process", str(candidates), effort],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Call(**json.loads(done.stdout))


def _measured(arguments: argparse.Namespace) -> Result:
    calls = []
    for effort in arguments.efforts:
        for candidates in arguments.candidates:
            calls.append(measure(candidates, effort))
            print(calls[-1], file=sys.stderr)
            result = _result(calls)
            write_result(result, arguments.out)
    return result


def _result(calls: list[Call]) -> Result:
    return Result(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        command=shlex.join(["python", "-m", "benchmarks.memory", *sys.argv[1:]]),
        machine=asdict(read_machine()),
        software=asdict(read_software()),
        calls=tuple(calls),
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.memory", description=(__doc__ or "").splitlines()[0]
    )
    add = parser.add_argument
    add("--candidates", nargs="+", type=int, default=[100, 1_000, 10_000], metavar="COUNT")
    add("--efforts", nargs="+", default=["full", "fast"], choices=EFFORTS)
    add_page_options(parser, out="the result as JSON, written after each call")
    return parse_with_pages(parser)


if __name__ == "__main__":
    main()
