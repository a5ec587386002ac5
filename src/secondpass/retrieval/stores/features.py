"""Feature columns to Arrow and back: a list of numbers a row, or null."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from secondpass.retrieval.stores.contract import FEATURE_TYPES, Feature


def arrow_type(name: str) -> Any:
    """Return the Arrow type of a feature column.

    A file keeps no more bits of a number than it needs, so a smaller type would gain nothing.
    """
    import pyarrow as pa

    return pa.list_(pa.from_numpy_dtype(np.dtype(FEATURE_TYPES[name])))


def to_arrow(name: str, values: Sequence[Feature] | None, rows: int) -> Any:
    """Return a feature column of `rows` rows; without values every entry is null."""
    import pyarrow as pa

    if values is None:
        return pa.nulls(rows, arrow_type(name))
    lengths = [0 if value is None else len(value) for value in values]
    offsets = pa.array(np.cumsum([0, *lengths], dtype=np.int64), pa.int32())
    present = [value for value in values if value is not None]
    joined = np.concatenate([np.empty(0, FEATURE_TYPES[name]), *present])
    missing = pa.array([value is None for value in values])
    return pa.ListArray.from_arrays(offsets, pa.array(joined), mask=missing)


def from_arrow(column: Any) -> list[Feature]:
    """Undo `to_arrow`: one array [n] a row, None for a null."""
    whole = column.combine_chunks()
    offsets = whole.offsets.to_numpy()
    joined = whole.values.to_numpy()
    return [
        joined[offsets[row] : offsets[row + 1]] if valid else None
        for row, valid in enumerate(whole.is_valid().to_pylist())
    ]
