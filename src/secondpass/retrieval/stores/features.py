"""Feature columns to Arrow and back: a list of numbers a row, or null."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from secondpass.retrieval.stores.contract import FEATURE_TYPES, Feature

# Bytes of the smallest whole number that is kept as a number.
_WHOLE = 4


def arrow_type(name: str) -> Any:
    """Return the Arrow type of a feature column.

    Of whole numbers of four bytes and more a file keeps no more bits than they need. Others are
    kept as bytes: so a row is read without those around it.
    """
    import pyarrow as pa

    return pa.binary() if _as_bytes(name) else pa.list_(pa.from_numpy_dtype(_type(name)))


def to_arrow(name: str, values: Sequence[Feature] | None, rows: int) -> Any:
    """Return a feature column of `rows` rows; without values every entry is null."""
    import pyarrow as pa

    if values is None:
        return pa.nulls(rows, arrow_type(name))
    if _as_bytes(name):
        kept = (None if value is None else np.asarray(value, _type(name)) for value in values)
        bytes_ = [None if value is None else value.tobytes() for value in kept]
        return pa.array(bytes_, arrow_type(name))
    lengths = [0 if value is None else len(value) for value in values]
    offsets = pa.array(np.cumsum([0, *lengths], dtype=np.int64), pa.int32())
    present = [value for value in values if value is not None]
    joined = np.concatenate([np.empty(0, _type(name)), *present])
    missing = pa.array([value is None for value in values])
    return pa.ListArray.from_arrays(offsets, pa.array(joined), mask=missing)


def from_arrow(name: str, column: Any) -> list[Feature]:
    """Undo `to_arrow`: one array [n] a row, None for a null.

    Bytes that make no whole number of numbers are given as bytes, uint8 [n].
    """
    whole = column.combine_chunks() if hasattr(column, "chunks") else column
    if _as_bytes(name):
        return [
            None if value is None else from_bytes(name, value) for value in map(_buffer_of, whole)
        ]
    offsets = whole.offsets.to_numpy()
    joined = whole.values.to_numpy()
    return [
        joined[offsets[row] : offsets[row + 1]] if valid else None
        for row, valid in enumerate(whole.is_valid().to_pylist())
    ]


def _as_bytes(name: str) -> bool:
    return not np.issubdtype(_type(name), np.integer) or _type(name).itemsize < _WHOLE


def _type(name: str) -> np.dtype[Any]:
    return np.dtype(FEATURE_TYPES[name])


def _buffer_of(scalar: Any) -> Any:
    return scalar.as_buffer()


def from_bytes(name: str, value: Any) -> Feature:
    """Return a feature that was kept as bytes; see `from_arrow`."""
    whole = len(value) % _type(name).itemsize == 0
    return np.frombuffer(value, _type(name) if whole else np.uint8)
