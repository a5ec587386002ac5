"""Approximate search of a table: its index, and how much of it a search compares.

LanceDB parts the vectors into cells and keeps a code of each vector beside its cell. A search
compares the codes of the nearest cells, and of the best of these the vectors. How many of
each is measured on vectors of the table, and kept with the column of vectors.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from secondpass.progress import ProgressBar
from secondpass.retrieval.stores.contract import Approximation, Vectors
from secondpass.retrieval.stores.exact import ExactSearch

# What is chosen finds this share of the nearest `DEPTH`, in the mean over the vectors that are
# searched for.
LEAST_RECALL = 0.985
DEPTH = 100
QUERIES = 50
# Fewer vectors than these are no work to compare.
LEAST_ROWS = 1_000
# Rows of a cell. More cells cost each search the comparison with their centres, fewer the rows.
CELL_ROWS = 4_096
_REFINES = (2, 4)
_KEY = "secondpass.approximate"


def build(table: Any, progress: ProgressBar) -> Approximation | None:
    """Build the index of a table and choose what a search compares; None for a small table."""
    from lancedb.index import IvfSq

    rows = int(table.count_rows())
    if rows < LEAST_ROWS:
        return None
    cells = max(1, rows // CELL_ROWS)
    with progress("building the approximate index", 1) as advance:
        table.create_index(
            "vector", config=IvfSq(distance_type="cosine", num_partitions=cells), replace=True
        )
        advance(1)
    queries, nearest = _exact(table, rows, progress)
    chosen = _choose(table, cells, queries, nearest)
    kept = {_KEY: json.dumps(chosen._asdict())}
    table.update_field_metadata({"path": "vector", "metadata": kept})
    return chosen


def approximation_in(schema: Any) -> Approximation | None:
    """Return what a table's schema says of its approximate searches; None where there are none."""
    metadata = schema.field("vector").metadata or {}
    encoded = metadata.get(_KEY.encode())
    return None if encoded is None else Approximation(**json.loads(encoded))


def compare_less(query: Any, chosen: Approximation) -> Any:
    """Return a query of LanceDB that compares what was chosen."""
    return query.nprobes(chosen.probes).refine_factor(chosen.refine)


def _exact(table: Any, rows: int, progress: ProgressBar) -> tuple[Vectors, list[set[int]]]:
    """Return some vectors of a table, and of each the row ids of the nearest; one scan of it."""
    drawn = np.random.default_rng(0).choice(rows, min(QUERIES, rows), replace=False)
    places = sorted(drawn.tolist())
    taken = table.take_offsets(places).select(["vector"]).to_arrow()
    queries = taken["vector"].combine_chunks().flatten().to_numpy().reshape(len(taken), -1)
    best: list[list[tuple[float, int]]] = [[] for _ in queries]
    with progress("comparing every vector", rows) as advance:
        scan = table.search().select(["vector"]).with_row_id(True)
        for batch in scan.to_batches():
            vectors = batch.column("vector").flatten().to_numpy().reshape(len(batch), -1)
            row_ids = batch.column("_rowid").to_numpy()
            search = ExactSearch(vectors)
            for found, query in zip(best, queries, strict=True):
                near, similarities = search.nearest(query, DEPTH)
                found += zip(similarities, row_ids[near].tolist(), strict=True)
                found.sort(reverse=True)
                del found[DEPTH:]
            advance(len(batch))
    return queries, [{row_id for _, row_id in found} for found in best]


def _choose(table: Any, cells: int, queries: Vectors, nearest: list[set[int]]) -> Approximation:
    """Return the first settings that find enough; if none does, those that compare all codes."""

    def tried(refine: int, probes: int) -> Approximation:
        one = Approximation(cells, probes, refine, DEPTH, 0.0)
        return one._replace(recall=_recall(table, one, queries, nearest))

    chosen, too_few = Approximation(cells, cells, max(_REFINES), DEPTH, 0.0), 0
    for probes in _probes(cells):
        for refine in _REFINES:
            chosen = tried(refine, probes)
            if chosen.recall >= LEAST_RECALL:
                return fewest(too_few, chosen, partial(tried, refine))
        too_few = probes
    return chosen


def fewest(
    too_few: int, enough: Approximation, tried: Callable[[int], Approximation]
) -> Approximation:
    """Return the settings of about the fewest probes above `too_few` that find enough.

    `tried` measures those of a number of probes. It ends where a twentieth is left to save.
    """
    while enough.probes - too_few > max(1, enough.probes // 20):
        middle = tried((too_few + enough.probes) // 2)
        if middle.recall >= LEAST_RECALL:
            enough = middle
        else:
            too_few = middle.probes
    return enough


def _probes(cells: int) -> Iterator[int]:
    probes = 4
    while probes < cells:
        yield probes
        probes = max(probes + 1, probes * 3 // 2)
    yield cells


def _recall(table: Any, chosen: Approximation, queries: Vectors, nearest: list[set[int]]) -> float:
    shares = []
    for query, exact in zip(queries, nearest, strict=True):
        search = table.search(query, vector_column_name="vector").distance_type("cosine")
        search = search.select(["_distance"]).with_row_id(True).limit(chosen.depth)
        found = compare_less(search, chosen).to_arrow()["_rowid"].to_pylist()
        shares.append(len(exact & set(found)) / len(exact))
    return float(np.mean(shares))
