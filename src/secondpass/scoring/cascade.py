"""A cascade of two models: the first reads all, the second what the first liked best."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from secondpass.scoring.fusion import best_first
from secondpass.scoring.merging import FIRST_MODEL_ONLY
from secondpass.scoring.selection import Scored


def read_again(first: Scored, keep: int, read: Callable[[Sequence[int]], Scored]) -> Scored:
    """Return the texts, the best `keep` with the second model's numbers, each marked whose it has.

    `read` gives the second model's of the texts at these positions, which are in input order.
    """
    best = np.sort(best_first(first.logits)[:keep])
    left = np.full(len(first.left), FIRST_MODEL_ONLY, np.int16)
    columns: list[Any] = [column.copy() for column in first._replace(left=left)]
    for column, again in zip(columns, read(best.tolist()), strict=True):
        column[best] = again
    return Scored(*columns)
