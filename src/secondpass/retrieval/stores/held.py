"""What of a table is held in memory between searches: one commit of it, as far as it fits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondpass.retrieval.stores.exact import ExactSearch

# More is not held: an index of larger vectors is searched on disk, and of larger rows only the
# vectors are held.
MOST_VECTOR_BYTES = 256 << 20
MOST_ROW_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class HeldTable:
    """The rows of one commit: their vectors, row ids [n], and, unless they are too large, all else.

    `rows` is an Arrow table of n rows.
    """

    search: ExactSearch
    row_ids: NDArray[np.uint64]
    rows: Any | None


class Holder:
    """Holds the commit that is searched twice; of one that is searched once nothing is read ahead.

    Args:
        load: reads the latest commit; None where it is too large to be held.
    """

    def __init__(self, load: Callable[[], HeldTable | None]) -> None:
        self._load = load
        self._loading = threading.Lock()
        self._seen: Hashable = None
        self._held: tuple[Hashable, HeldTable | None] = None, None

    def at(self, commit: Hashable) -> HeldTable | None:
        """Return what is held of a commit, or of a later one that was there when it was read.

        While one thread reads, the others are given None.
        """
        held_of, held = self._held
        if held_of == commit:
            return held
        if self._seen != commit:
            self._seen = commit
            return None
        if not self._loading.acquire(blocking=False):
            return None
        try:
            # Freed first: there is memory for one.
            self._held = None, None
            held = self._load()
            self._held = commit, held
            return held
        finally:
            self._loading.release()


def read_held(
    batches: Any, count: int, dimension: int, most_row_bytes: int = MOST_ROW_BYTES
) -> HeldTable:
    """Read Arrow batches with `vector`, `_rowid` and further columns.

    Args:
        batches: an iterator of them.
        count: about how many rows they have.
        dimension: numbers in a vector.
        most_row_bytes: where the further columns take more, they are let go.
    """
    import pyarrow as pa

    vectors = np.empty((count, dimension), np.float32)
    row_ids: list[NDArray[np.uint64]] = []
    rows: list[Any] | None = []
    filled = size = 0
    for batch in batches:
        if filled + len(batch) > len(vectors):
            more = max(len(batch), len(vectors) // 4)
            vectors = np.concatenate([vectors, np.empty((more, dimension), np.float32)])
        flat = batch.column("vector").flatten().to_numpy()
        vectors[filled : filled + len(batch)] = flat.reshape(-1, dimension)
        filled += len(batch)
        row_ids.append(batch.column("_rowid").to_numpy())
        if rows is not None:
            rows.append(batch.drop_columns(["vector", "_rowid"]))
            size += rows[-1].nbytes
            rows = rows if size <= most_row_bytes else None
    ids = np.concatenate([np.empty(0, np.uint64), *row_ids])
    whole = pa.Table.from_batches(rows).combine_chunks() if rows else None
    return HeldTable(ExactSearch(vectors[:filled]), ids, whole)
