"""Windows to texts: each text's logit from those of its windows, and which of them is the best."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from secondpass.scoring.scored import Floats


class Aggregated(NamedTuple):
    """One logit for each text, and the position of its best window."""

    logits: Floats
    best: NDArray[np.intp]


def aggregate(logits: Floats, texts: NDArray[np.intp], best_windows: int) -> Aggregated:
    """Return the mean of each text's `best_windows` highest logits, or of all if it has fewer.

    1 is the maximum. Of equal windows the first is the best. A text with a logit that is not a
    finite number gets that one: an average must not hide it.

    Args:
        logits: one a window, float32 [w].
        texts: the number of each window's text, [w], ascending.
        best_windows: how many count.
    """
    starts = np.flatnonzero(np.diff(texts, prepend=-1))
    if len(starts) == len(texts):
        return Aggregated(logits, starts)
    stops = [*starts[1:].tolist(), len(texts)]
    means = np.empty(len(starts), np.float32)
    best = np.empty(len(starts), np.intp)
    for number, (start, stop) in enumerate(zip(starts.tolist(), stops, strict=True)):
        values = logits[start:stop]
        order = np.argsort(-values, kind="stable")
        best[number] = start + order[0]
        means[number] = _mean(values[order[:best_windows]], values)
    return Aggregated(means, best)


def _mean(best: Floats, values: Floats) -> float:
    broken = values[~np.isfinite(values)]
    return float(broken[0] if len(broken) else best.mean(dtype=np.float64))
