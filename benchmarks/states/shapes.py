"""What a batch shape costs that was not seen before, by grid of lengths and by shapes kept.

    .venv/bin/python -m benchmarks.states.shapes

Calls of 1, 5 and 10 texts of lengths drawn anew, against the same call once more. Milliseconds
of wall time and of all processors, the median of the calls; and the most memory of each process.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
from dataclasses import replace
from statistics import median
from time import perf_counter, process_time

from secondpass import CrossEncoderReranker
from secondpass.engine import openvino
from secondpass.environment.peak_memory import peak_bytes

QUERY = "how are the states of a text kept"
SIZES = (1, 5, 10)


def measure(kept: int, multiple: int, calls: int) -> str:
    """Return one line: this process has loaded nothing before."""
    openvino._KEPT_SHAPES = kept
    reranker = CrossEncoderReranker()
    model = reranker.model
    model._policy = replace(model._policy, length_multiple=multiple)
    chance = random.Random(0)
    cells = []
    for size in SIZES:
        times: list[list[float]] = [[], [], [], []]
        for _ in range(calls):
            texts = ["state " * chance.randint(10, 300) for _ in range(size)]
            for column in (0, 2):
                wall, processors = perf_counter(), process_time()
                reranker.rank(QUERY, texts)
                times[column].append((perf_counter() - wall) * 1000)
                times[column + 1].append((process_time() - processors) * 1000)
        cells.append(" / ".join(f"{median(one):.1f}" for one in times))
    return f"| {kept} | {multiple} | {' | '.join(cells)} | {peak_bytes() / 2**20:.0f} |"


def main() -> None:
    """Measure each setting in a process of its own, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--calls", type=int, default=40)
    parser.add_argument("--one", nargs=2, type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(measure(*given.one, given.calls))
        return
    heads = [f"{size}: wall / CPU ms, again wall / CPU" for size in SIZES]
    print(f"| shapes kept | multiple | {' | '.join(heads)} | MiB |\n{'|---' * 6}|", flush=True)
    for kept in (16, 128):
        for multiple in (16, 32, 64):
            command = [sys.executable, "-m", "benchmarks.states.shapes"]
            command += ["--calls", str(given.calls), "--one", str(kept), str(multiple)]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
