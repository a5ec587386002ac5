"""Cuts a long text down to the sentences nearest to the query."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

import numpy as np

from secondpass.scoring.cuts import Cut, span_of
from secondpass.scoring.select.choice import choose

if TYPE_CHECKING:
    from tokenizers import Encoding


def select(encoding: Encoding, text: str, words: AbstractSet[str], budget: int) -> Cut:
    """Keep at most `budget` tokens: the sentences nearest to a query of these words."""
    ids = np.asarray(encoding.ids, np.int32)
    if len(ids) <= budget:
        return Cut([ids], len(ids), 0, [None])
    runs = choose(words, text, encoding, budget)
    kept = np.concatenate([ids[start:stop] for start, stop in runs])
    chosen = tuple(span_of(encoding, text, *run) for run in runs)
    return Cut([kept], len(kept), len(ids) - len(kept), [None], chosen)
