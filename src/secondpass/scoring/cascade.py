"""A cascade of two models: the first reads all, the second what the first liked best."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from secondpass.errors import InputError
from secondpass.models.embedded import CROSS_ENCODER
from secondpass.scoring.finite import described
from secondpass.scoring.fusion import best_first
from secondpass.scoring.merging import FIRST_MODEL_ONLY
from secondpass.scoring.selection import Scored

DEFAULT_KEEP = 30


def checked_models(model_name: Any, cascade: Any) -> tuple[Any, ...]:
    """Return the two models of a cascade, or the one without."""
    if cascade is None:
        return (model_name,)
    if not isinstance(cascade, Sequence) or isinstance(cascade, str) or len(cascade) != 2:
        raise InputError(
            f"cascade is {described(cascade)}, expected two models, such as "
            "['embedded/cross-encoder', 'BAAI/bge-reranker-base']"
        )
    if model_name != CROSS_ENCODER:
        raise InputError(f"model_name is {model_name!r} and cascade {cascade!r}: give one of them")
    return tuple(cascade)


def checked_keep(keep: int | None, cascade: Any) -> int:
    """Return how many the second model reads."""
    if keep is None:
        return DEFAULT_KEEP
    if cascade is None:
        raise InputError(
            f"keep is {keep!r}, but there is no cascade for it: name two models with "
            "cascade=[small, large], or leave keep out"
        )
    return keep


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
