"""Cuts texts to a number of tokens before they are scored, and says in the answer what was cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from secondpass.loaded_model import LoadedModel
from secondpass.types import Scores


def cut_texts(
    model: LoadedModel, texts: Sequence[str], most: int | None
) -> tuple[Sequence[str], NDArray[np.int64] | None]:
    """Return the beginning of each text, of at most `most` tokens, and how many each lost.

    The second is None where no text was cut.
    """
    whole = model.window_rule.long_documents in ("truncate", "first")
    if most is None or (whole and most >= model.max_length):
        return texts, None
    cut = [model.encoder.cut(text, most) for text in texts]
    lost = np.array([left for _, left in cut], np.int64)
    return ([text for text, _ in cut], lost) if lost.any() else (texts, None)


def with_lost_tokens(scores: Scores, lost: NDArray[np.int64] | None) -> Scores:
    """Return the scores, with what was cut before counted as not scored."""
    if lost is None:
        return scores
    dropped = scores.dropped_tokens + lost
    timings = replace(
        scores.timings,
        dropped_tokens=int(dropped.sum()),
        truncated=int(np.count_nonzero(dropped)),
    )
    return replace(scores, dropped_tokens=dropped, timings=timings)
