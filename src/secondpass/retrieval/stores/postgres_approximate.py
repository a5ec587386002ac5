"""Approximate search in PostgreSQL: pgvector's HNSW, a graph of near vectors.

How many candidates a search follows is measured on vectors of the table, and kept with it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from secondpass.errors import IndexFileError
from secondpass.progress import ProgressBar
from secondpass.retrieval.stores.contract import GraphApproximation, Vectors
from secondpass.retrieval.stores.lance_approximate import DEPTH, LEAST_RECALL, LEAST_ROWS, QUERIES
from secondpass.retrieval.stores.postgres_schema import Tables

# The most candidates and the most dimensions of pgvector's HNSW.
MOST_CANDIDATES = 1_000
_MOST_DIMENSIONS = 2_000
GRAPH = "vectors_by_graph"
_CANDIDATES = (100, 120, 150, 200, 300, 400, 600, 800, MOST_CANDIDATES)
_LEAST_VERSION = (0, 5)
# Of a vector in the graph, beside its numbers; and the memory a build may take.
_LINK_BYTES = 400
_LEAST_MB, _MOST_MB = 64, 2_048


def most_found(chosen: GraphApproximation) -> int:
    """Return for how many rows a search may follow the graph: more are compared one by one."""
    return min(4 * chosen.depth, MOST_CANDIDATES * chosen.depth // chosen.candidates // 2)


def build(cursor: Any, tables: Tables, progress: ProgressBar) -> GraphApproximation | None:
    """Build the graph of a table, choose what a search follows; None for a small table.

    Raises:
        IndexFileError: pgvector is too old, or the vectors are too long for its graph.
    """
    meta = tables.read_meta(cursor)
    rows, dimension = meta.statistics.texts, meta.embedder.dimension
    if rows < LEAST_ROWS:
        return None
    _require_graphs(cursor, tables, dimension)
    queries, nearest = _exact(cursor, tables, progress)
    with progress("building the graph of the vectors", 1) as advance:
        megabytes = rows * (dimension * 4 + _LINK_BYTES) // 2**20
        memory = max(_LEAST_MB, min(_MOST_MB, megabytes))
        cursor.execute("SELECT set_config('maintenance_work_mem', %s, true)", [f"{memory}MB"])
        # The server keeps one that is there in step, and to drop it readers would have to wait.
        cursor.execute(
            f"CREATE INDEX IF NOT EXISTS {GRAPH} ON {tables.vectors}"
            " USING hnsw (vector vector_cosine_ops)"
        )
        advance(1)
    chosen = _choose(cursor, tables, queries, nearest)
    tables.write_meta(cursor, replace(meta, approximation=chosen))
    return chosen


def _require_graphs(cursor: Any, tables: Tables, dimension: int) -> None:
    cursor.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
    version = str(cursor.fetchone()[0])
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < _LEAST_VERSION:
        raise IndexFileError(
            f"index {tables.address}: pgvector {version} has no HNSW, 0.5 or later has: searches "
            "stay exact"
        )
    if dimension > _MOST_DIMENSIONS:
        raise IndexFileError(
            f"index {tables.address} has vectors of {dimension} dimensions, and pgvector's HNSW "
            f"takes up to {_MOST_DIMENSIONS}: searches stay exact"
        )


def _exact(
    cursor: Any, tables: Tables, progress: ProgressBar
) -> tuple[list[Vectors], list[set[int]]]:
    """Return some vectors of a table, and of each the places of the nearest."""
    cursor.execute("SELECT setseed(0)")
    cursor.execute(
        f"SELECT vector FROM (SELECT place FROM {tables.vectors} ORDER BY random() LIMIT %s) drawn"
        f" JOIN {tables.vectors} USING (place)",
        [QUERIES],
    )
    queries = [row[0] for row in cursor]
    nearest = []
    with progress("comparing every vector", len(queries)) as advance:
        for query in queries:
            cursor.execute(
                f"SELECT place FROM {tables.vectors} ORDER BY (vector <=> %b) + 0::float8 LIMIT %s",
                [query, DEPTH],
            )
            nearest.append({place for (place,) in cursor})
            advance(1)
    return queries, nearest


def _choose(
    cursor: Any, tables: Tables, queries: list[Vectors], nearest: list[set[int]]
) -> GraphApproximation:
    """Return the fewest candidates that find enough; if none do, the most."""
    chosen = GraphApproximation(MOST_CANDIDATES, DEPTH, 0.0)
    for candidates in _CANDIDATES:
        cursor.execute("SELECT set_config('hnsw.ef_search', %s, true)", [str(candidates)])
        found = 0
        for query, exact in zip(queries, nearest, strict=True):
            cursor.execute(
                f"SELECT place FROM {tables.vectors} ORDER BY vector <=> %b LIMIT %s",
                [query, DEPTH],
            )
            found += len(exact & {place for (place,) in cursor})
        recall = found / sum(map(len, nearest))
        chosen = GraphApproximation(candidates, DEPTH, recall)
        if recall >= LEAST_RECALL:
            return chosen
    return chosen
