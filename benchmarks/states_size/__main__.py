"""Measure what an index with states takes beside one without: bytes, time to make, time to search.

    python -m benchmarks.states_size --out FILE

The documents are the docstrings of the running Python's standard library.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.first_stage.vectors import Drawn
from benchmarks.run import Benchmark, command, main, now
from benchmarks.states_size.result import MARKER, Kept, Result, page
from secondpass.demo.stdlib_docs import stdlib_documents
from secondpass.environment.machine import read_machine
from secondpass.environment.software import read_software
from secondpass.retrieval.embedder import Embedder
from secondpass.retrieval.index import Index
from secondpass.retrieval.state_encoder import EmbeddedEncoder
from secondpass.states.codec import STATE_PRECISIONS, StatePrecision
from secondpass.types import Document

LIMITS = (100, 500)
_LONGEST = 508
SEARCHES = 25
WARM = 3


def make(
    folder: Path, documents: list[Document], embedder: Embedder, states: StatePrecision | None
) -> Kept:
    """Make an index and search it."""
    encoder = EmbeddedEncoder()
    if states is not None:
        encoder.encode_texts(["warm up"], states)
    started = perf_counter()
    index = Index.create(folder, embedder, states=states, encoder=encoder)
    index.add(documents)
    seconds = perf_counter() - started
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    times = {str(limit): search(index, limit) for limit in LIMITS}
    return Kept(states or "none", size, seconds, times)


def search(index: Index, limit: int) -> tuple[float, ...]:
    """Return the milliseconds of searches for the nearest to a vector."""
    times = []
    for vector in Drawn("random").take(WARM + SEARCHES):
        started = perf_counter()
        index.search_vector(vector, limit)
        times.append((perf_counter() - started) * 1000)
    return tuple(times[WARM:])


def _measure(arguments: argparse.Namespace) -> Iterator[Result]:
    documents = list(stdlib_documents())[: arguments.documents]
    kept: list[Kept] = []
    with Embedder() as embedder:
        texts = [document.text for document in documents]
        ids = [embedder.tokenizer.encode(text, add_special_tokens=False) for text in texts]
        # A longer text has no states; its last special token has one.
        tokens = sum(len(one.ids) + 1 for one in ids if len(one.ids) <= _LONGEST)
        embedder.embed(["warm up"])
        for states in (None, *STATE_PRECISIONS):
            with TemporaryDirectory(dir=arguments.folder) as folder:
                kept.append(make(Path(folder, "index"), documents, embedder, states))
            print(kept[-1], file=sys.stderr)
            machine, called = read_machine(), command("states_size")
            counts = len(documents), tokens
            yield Result(now(), called, machine, read_software(), *counts, tuple(kept))


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--documents", type=int, help="the first so many; all by default")
    parser.add_argument("--folder", type=Path, help="for the indexes; a temporary one by default")


BENCHMARK = Benchmark(
    "states_size",
    __doc__ or "",
    Result,
    _add_options,
    _measure,
    lambda result: {MARKER: page(result)},
)

if __name__ == "__main__":
    main(BENCHMARK)
