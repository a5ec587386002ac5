"""Token ids of texts to a column of an index, and the inverse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from secondpass.scoring.encode import TokenIds

TOKEN_IDS = "token_ids"


def token_id_column(token_ids: Sequence[TokenIds] | None, rows: int) -> Any:
    """Return an Arrow list<int32> [rows]; without ids every entry is null.

    The file keeps no more bits of a number than it needs, so a smaller type would gain nothing.
    """
    import pyarrow as pa

    if token_ids is None:
        return pa.nulls(rows, pa.list_(pa.int32()))
    ends = np.cumsum([0, *map(len, token_ids)], dtype=np.int64)
    joined = np.concatenate([np.empty(0, np.int32), *token_ids])
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pa.array(joined, pa.int32()))


def token_id_arrays(column: Any) -> list[TokenIds | None]:
    """Undo `token_id_column`: int32 [n] for each entry, None for a null."""
    whole = column.combine_chunks()
    ends = whole.offsets.to_numpy()
    joined = whole.values.to_numpy()
    return [
        joined[ends[row] : ends[row + 1]] if valid else None
        for row, valid in enumerate(whole.is_valid().to_pylist())
    ]
