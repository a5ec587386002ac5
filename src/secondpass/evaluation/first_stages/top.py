"""The best of a corpus by a score for every document."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from secondpass.evaluation.runs import Ranked, in_trec_order


def top(
    scores: NDArray[np.float32], ids: Sequence[str], limit: int, keep: NDArray[np.intp]
) -> tuple[Ranked, ...]:
    """Return the `limit` best of the documents at the positions `keep`, ties as trec_eval's."""
    kept = scores[keep]
    if limit < len(keep):
        # All that equal the last one go on, so that the tie rule and not chance decides.
        last = np.partition(kept, -limit)[-limit]
        keep = keep[kept >= last]
    return in_trec_order(Ranked(ids[at], float(scores[at])) for at in keep)[:limit]
