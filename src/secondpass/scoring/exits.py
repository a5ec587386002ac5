"""Who goes on at an exit, and where those stand that did not.

The rule: who went further stands above who left, whatever the numbers say, for its number saw more.
Of those that left at one exit the order is by the exit's logit. Where it is needed to agree, their
logits are moved down together, so that the highest is just below the lowest of those above.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from secondpass.models.activation import Activation
from secondpass.scoring.effort import Exit
from secondpass.scoring.fusion import best_first
from secondpass.scoring.merging import Left
from secondpass.scoring.ranking import Scores, to_scores

if TYPE_CHECKING:
    from secondpass.scoring.selection import Scored

# Two values of `Left` that are no number of layers.
READ_WHOLE = 0
FIRST_MODEL_ONLY = -1


def going_on(
    logits: NDArray[np.float32], texts: NDArray[np.integer[Any]], at: Exit
) -> NDArray[np.bool_]:
    """Return which rows go on: those of the best texts, of equal ones the first.

    A text counts by its best window; `texts` are the numbers of the rows' texts, ascending.
    """
    begins = np.flatnonzero(np.diff(texts, prepend=-1))
    best = np.maximum.reduceat(logits, begins)
    going = np.zeros(len(best), np.bool_)
    going[best_first(best)[: at.keeps(len(best))]] = True
    return np.repeat(going, np.diff(begins, append=len(texts)))


def settled(scored: Scored, activation: Activation) -> Scored:
    """Return the texts of all blocks with logits and scores by the rule above."""
    groups = _deepest_first(scored.left)
    if len(groups) < 2:
        return scored
    logits = scored.logits.copy()
    lowest = logits[groups[0]].min()
    for group in groups[1:]:
        ceiling = np.nextafter(lowest, np.float32(-np.inf), dtype=np.float32)
        excess = max(logits[group].max() - ceiling, np.float32(0))
        logits[group] = np.minimum(logits[group] - excess, ceiling)
        lowest = logits[group].min()
    return scored._replace(logits=logits, scores=to_scores(logits, activation))


def standing(scored: Scored) -> Scores:
    """Return numbers whose order is the model's own: the scores, but depth comes before them.

    Scores can be equal where logits are not, and so be no order of the groups.
    """
    groups = _deepest_first(scored.left)
    if len(groups) < 2:
        return scored.scores
    order = np.concatenate([group[best_first(scored.scores[group])] for group in groups])
    places = np.empty(len(order), np.float32)
    places[order] = -np.arange(len(order))
    return places


def _deepest_first(left: Left) -> list[NDArray[np.intp]]:
    """Return the positions of each group of equal depth, in input order."""
    depths = sorted(set(left.tolist()), key=lambda depth: depth or np.inf, reverse=True)
    return [np.flatnonzero(left == depth) for depth in depths]
