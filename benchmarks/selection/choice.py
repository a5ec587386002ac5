"""The token ids of the sentences that are read, within a budget of tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.selection.sentences import Sentences
from secondpass.scoring.select.choice import chosen


def selected_ids(text: Sentences, merits: Sequence[float], budget: int) -> NDArray[np.int32]:
    """Return the token ids of the chosen sentences."""
    parts = [
        text.ids[text.bounds[at] : text.bounds[at] + tokens]
        for at, tokens in chosen(text.lengths, merits, budget)
    ]
    return np.concatenate(parts) if parts else text.ids[:0]
