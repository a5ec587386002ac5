"""Which sentences are read, within a budget of tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.selection.sentences import Sentences


def chosen(lengths: Sequence[int], merits: Sequence[float], budget: int) -> list[tuple[int, int]]:
    """Return (sentence, tokens of it that are read), in the order of the text.

    The best come first, of equal ones the earlier, until the budget is used; the one that does not
    fit is cut. So every choice reads as much as truncation to the same budget, and is truncation
    where all merits are equal.

    >>> chosen([4, 4, 4], [0, 1, 2], 6)
    [(1, 2), (2, 4)]
    """
    taken: dict[int, int] = {}
    left = budget
    for at in sorted(range(len(lengths)), key=lambda at: (-merits[at], at)):
        taken[at] = min(lengths[at], left)
        left -= taken[at]
        if not left:
            break
    return sorted((at, tokens) for at, tokens in taken.items() if tokens)


def selected_ids(text: Sentences, merits: Sequence[float], budget: int) -> NDArray[np.int32]:
    """Return the token ids of the chosen sentences."""
    parts = [
        text.ids[text.bounds[at] : text.bounds[at] + tokens]
        for at, tokens in chosen(text.lengths, merits, budget)
    ]
    return np.concatenate(parts) if parts else text.ids[:0]
