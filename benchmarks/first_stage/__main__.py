"""Measure vector search by the number of vectors: exact, and approximate where it is of use.

    python -m benchmarks.first_stage --out FILE

A table that is in FILE already is not measured again, so that a run that was stopped goes on. A
million vectors take about 4 GB of disk in --folder, and most of the time. Vectors are as alike as
embeddings are; `--kinds random` draws independent ones, whose cells tell an approximate search
nothing.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from benchmarks.first_stage.result import MARKER, Case, Result, page
from benchmarks.first_stage.vectors import DIMENSION, KINDS, Drawn, Kind, rows
from benchmarks.run import Benchmark, command, main, now
from secondpass.environment.machine import read_machine
from secondpass.environment.software import read_software
from secondpass.progress import silent
from secondpass.result_file import read_result
from secondpass.retrieval.embedder import Embedder
from secondpass.retrieval.stores import lance_search
from secondpass.retrieval.stores.contract import EmbedderIdentity, StoreIdentity, Vectors
from secondpass.retrieval.stores.held import MOST_VECTOR_BYTES
from secondpass.retrieval.stores.lance import LanceStore

LIMIT = 100
QUERIES = 60
# An exact search on disk takes seconds.
QUERIES_ON_DISK = 8
WARM = 4
QUESTIONS = (
    "how do I renew a certificate",
    "read a csv file whose first row names the columns",
    "lock shared by several threads",
    "what time zone does a naive date have, and how is it set",
)


def measure(store: LanceStore, queries: Vectors) -> tuple[float, ...]:
    """Return the milliseconds of each search, without the first few."""
    times = []
    for query in queries:
        started = perf_counter()
        store.nearest(query, LIMIT)
        times.append((perf_counter() - started) * 1000)
    return tuple(times[WARM:])


def measure_case(kind: Kind, count: int, folder: Path) -> Case:
    """Write a table, search it, and search it approximately on disk."""
    place = folder / f"{kind}-{count}"
    shutil.rmtree(place, ignore_errors=True)
    drawn = Drawn(kind)
    identity = StoreIdentity(EmbedderIdentity("drawn", "0" * 64, DIMENSION))
    try:
        store = LanceStore.create(place, identity)
        started = perf_counter()
        for block in rows(drawn, count):
            store.write([block], replace=False)
        write_seconds = perf_counter() - started
        queries = Drawn(kind, seed=2).take(WARM + QUERIES)
        held = count * DIMENSION * 4 <= MOST_VECTOR_BYTES
        exact = measure(store, queries if held else queries[: WARM + QUERIES_ON_DISK])
        started = perf_counter()
        chosen = None if count < 50_000 else store.approximate(silent)
        build_seconds = perf_counter() - started
        if chosen is None:
            return Case(kind, count, write_seconds, held, exact, None, None, None, None, None)
        # As it is of a table that memory does not hold.
        most, lance_search.MOST_VECTOR_BYTES = lance_search.MOST_VECTOR_BYTES, 0
        approximate = measure(LanceStore.open(place), queries)
        lance_search.MOST_VECTOR_BYTES = most
        found = chosen.probes, chosen.partitions, chosen.recall
        return Case(kind, count, write_seconds, held, exact, build_seconds, *found, approximate)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def measure_embedding() -> tuple[float, ...]:
    """Return the milliseconds of the embedding of each query, without the first few."""
    times = []
    with Embedder() as embedder:
        for at in range(4 * QUERIES):
            started = perf_counter()
            embedder.embed_queries([QUESTIONS[at % len(QUESTIONS)]])
            times.append((perf_counter() - started) * 1000)
    return tuple(times[4 * WARM :])


def _measure(arguments: argparse.Namespace) -> Iterator[Result]:
    before = read_result(arguments.out, Result, "result") if arguments.out.exists() else None
    cases = list(before.cases) if before else []
    if before:
        yield before
    embed_ms = before.embed_ms if before else measure_embedding()
    for count in arguments.vectors:
        for kind in arguments.kinds:
            if any((one.kind, one.vectors) == (kind, count) for one in cases):
                continue
            cases.append(measure_case(kind, count, arguments.folder))
            print(cases[-1], file=sys.stderr)
            called = command("first_stage")
            yield Result(now(), called, read_machine(), read_software(), embed_ms, tuple(cases))


def _add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--vectors", nargs="+", type=int, default=[6_000, 100_000, 1_000_000], metavar="COUNT")
    add("--kinds", nargs="+", default=["alike"], choices=KINDS)
    add("--folder", type=Path, default=Path("build/first_stage"), help="for the tables")


BENCHMARK = Benchmark(
    "first_stage",
    __doc__ or "",
    Result,
    _add_options,
    _measure,
    lambda result: {MARKER: page(result)},
)

if __name__ == "__main__":
    main(BENCHMARK)
