"""Time batches beside the library's own calls, their memory, and two nodes of Ray beside one.

    make bench-batch
    make bench-batch BATCH_MORE="--parts memory --memory-pairs 1000000 --characters 40"

`--parts` measures some of it, and keeps the rest of what --out holds.

The same rows go through `rank`, `rank_many` and a batch in turns, so that a slow minute hits all;
a batch is timed with reading, planning and writing, all without loading the model. Memory is that
of the command in a process of its own. A node of Ray has one processor; rates are of the files
behind the first third, when each has loaded its model.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import psutil

from benchmarks.batch.result import MARKER, Memory, Rates, Result, page
from benchmarks.batch.work import CHARACTERS, make_rows, write_rows
from benchmarks.run import Benchmark, command, main, now
from secondpass import CrossEncoderReranker, RerankerOptions
from secondpass.batch.job import run_batch
from secondpass.batch.place import open_place
from secondpass.batch.results import read_stats
from secondpass.batch.rows import Fields, Row
from secondpass.batch.shards import is_shard
from secondpass.batch.sources import RowFile
from secondpass.environment.machine import Machine, read_machine
from secondpass.environment.software import read_software
from secondpass.errors import InputError
from secondpass.options.effort import EFFORTS
from secondpass.result_file import read_result

# Rows that rank_many is given at a time.
TOGETHER = 20


class Timed(RowFile):
    """Rows of a file, and when they were first read: from then on a batch is timed."""

    begun: list[float] = []  # noqa: RUF012 - of a frozen dataclass

    def rows(self) -> Iterator[Row]:
        """Yield the rows."""
        self.begun.append(perf_counter())
        return super().rows()


def _measure(given: argparse.Namespace) -> Iterator[Result]:
    result = _begun(given)
    with tempfile.TemporaryDirectory(prefix="bench-batch-") as folder:
        for part in given.parts:
            for measured in PARTS[part](given, Path(folder)):
                result = replace(result, **{part: measured})
                yield result


def _lasting(machine: Machine) -> Machine:
    """Return the machine without what changes by the minute."""
    return replace(machine, memory_available=0)


def _begun(given: argparse.Namespace) -> Result:
    """Return what was measured before, of the parts that are not to be measured."""
    of_work = given.effort, given.documents, given.characters
    result = Result(now(), command("batch"), read_machine(), read_software(), *of_work)
    if set(given.parts) == set(PARTS) or not given.out.exists():
        return result
    before = read_result(given.out, Result, "result")
    if of_work != (before.effort, before.documents, before.characters):
        raise InputError(f"{given.out} is of other rows or another effort: name another file")
    if _lasting(before.machine) != _lasting(result.machine):
        raise InputError(f"{given.out} is of another machine: name another file")
    kept = {part: getattr(before, part) for part in PARTS if part not in given.parts}
    return replace(result, command=f"{before.command}; {result.command}", **kept)


def _ways(given: argparse.Namespace, folder: Path) -> Iterator[tuple[Rates, ...]]:
    rows = list(make_rows(given.pairs, given.documents, given.characters))
    pairs = len(rows) * given.documents
    file = write_rows(folder / "rows.jsonl", given.pairs, given.documents, given.characters)
    reranker = CrossEncoderReranker(effort=given.effort)
    reranker.rank(rows[0]["query"], rows[0]["documents"])  # type: ignore[arg-type]
    calls = {
        "rank": lambda _at: _rank(reranker, rows),
        "rank_many": lambda _at: _rank_many(reranker, rows),
        "batch": lambda at: _batch(file, folder / f"out-{at}", given.effort),
    }
    rates: dict[str, list[float]] = {name: [] for name in calls}
    for at in range(given.rounds):
        for name, call in calls.items():
            rates[name].append(pairs / call(at))
            print(f"{name}: {rates[name][-1]:,.0f} pairs/s", file=sys.stderr)
        yield tuple(Rates(name, tuple(found)) for name, found in rates.items())
    reranker.close()


def _rank(reranker: CrossEncoderReranker, rows: list[dict[str, Any]]) -> float:
    begun = perf_counter()
    for row in rows:
        reranker.rank(row["query"], row["documents"], None)
    return perf_counter() - begun


def _rank_many(reranker: CrossEncoderReranker, rows: list[dict[str, Any]]) -> float:
    begun = perf_counter()
    for at in range(0, len(rows), TOGETHER):
        part = rows[at : at + TOGETHER]
        reranker.rank_many([row["query"] for row in part], [row["documents"] for row in part], None)
    return perf_counter() - begun


def _batch(file: Path, out: Path, effort: str) -> float:
    source = Timed(file, Fields())
    source.begun.clear()
    options = RerankerOptions.from_dict({"effort": effort})
    run_batch(source, open_place(out), options=options)
    return perf_counter() - source.begun[0]


def _memory(given: argparse.Namespace, folder: Path) -> Iterator[Memory]:
    """Run the command and look at it once a second."""
    file = write_rows(folder / "many.jsonl", given.memory_pairs, given.documents, given.characters)
    out = folder / "many"
    process = _start(file, out, given)
    watched, begun = psutil.Process(process.pid), perf_counter()
    seconds, done, resident = [], [], []
    while process.poll() is None:
        sleep(1)
        try:
            held = watched.memory_info().rss
        except psutil.Error:
            break
        if not held:  # it has ended
            break
        resident.append(held)
        seconds.append(perf_counter() - begun)
        done.append(given.shard_pairs * len(list(out.glob("*.parquet"))))
    _require_done(process)
    print(f"resident: {[round(one / 1e6) for one in resident]} MB", file=sys.stderr)
    yield Memory(given.memory_pairs, tuple(seconds), tuple(done), tuple(resident))


def _nodes(given: argparse.Namespace, folder: Path) -> Iterator[tuple[Rates, ...]]:
    if find_spec("ray") is None:
        print("Ray is not installed: nodes are not measured", file=sys.stderr)
        return
    from scripts.batch_kills import cluster

    file = write_rows(folder / "nodes.jsonl", given.node_pairs, given.documents, given.characters)
    rates: dict[int, list[float]] = {1: [], 2: []}
    for at in range(given.node_rounds):
        for count, found in rates.items():
            with cluster(count) as nodes:
                out = folder / f"nodes-{at}-{count}"
                more = ("--ray", nodes.address, "--ray-cpus", "1")
                _require_done(_start(file, out, given, *more))
            found.append(_rate(out, count))
            print(f"{count} nodes: {found[-1]:,.0f} pairs/s", file=sys.stderr)
        yield tuple(
            Rates(f"{count} node{'s' * (count > 1)}", tuple(found))
            for count, found in rates.items()
        )


PARTS: dict[str, Callable[[argparse.Namespace, Path], Iterator[Any]]] = {
    "ways": _ways,
    "memory": _memory,
    "nodes": _nodes,
}


def _rate(out: Path, nodes: int) -> float:
    """Return pairs a second while all nodes scored: of the files behind the first third.

    Before that a node may still load its model, and at the very end one has nothing left to do.
    """
    place = open_place(out)
    ended = sorted(((out / name).stat().st_mtime, name) for name in place.names() if is_shard(name))
    counted = [stats.pairs for _, name in ended if (stats := read_stats(place, name))]
    first, last = max(nodes, len(ended) // 3) - 1, len(ended) - nodes
    return sum(counted[first + 1 : last + 1]) / (ended[last][0] - ended[first][0])


def _start(file: Path, out: Path, given: argparse.Namespace, *more: str) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "secondpass", "batch", str(file), "--out", str(out)]
    words += ["--effort", given.effort, "--shard-pairs", str(given.shard_pairs), *more]
    return subprocess.Popen(words, stdout=subprocess.DEVNULL)


def _require_done(process: subprocess.Popen[bytes]) -> None:
    if process.wait() != 0:
        raise SystemExit(f"{json.dumps(process.args)} ended with {process.returncode}")


def _add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="what is measured")
    add("--pairs", type=int, default=10_000, help="of a round")
    add("--rounds", type=int, default=5)
    add("--memory-pairs", type=int, default=100_000, help="one million shows that it is flat")
    add("--node-pairs", type=int, default=30_000)
    add("--node-rounds", type=int, default=2)
    add("--documents", type=int, default=100, help="of a row")
    add("--characters", type=int, default=CHARACTERS, help="of a text; 40 are some 10 tokens")
    add("--shard-pairs", type=int, default=1_000)
    add("--effort", default="fast", choices=EFFORTS)


BENCHMARK = Benchmark(
    "batch", __doc__ or "", Result, _add_options, _measure, lambda result: {MARKER: page(result)}
)

if __name__ == "__main__":
    main(BENCHMARK)
