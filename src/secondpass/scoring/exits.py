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
from secondpass.scoring.fusion import best_first, z_scores
from secondpass.scoring.merging import Left
from secondpass.scoring.ranking import Scores, to_scores

if TYPE_CHECKING:
    from secondpass.scoring.selection import Scored


def going_on(
    logits: NDArray[np.float32], texts: NDArray[np.integer[Any]], at: Exit
) -> NDArray[np.bool_]:
    """Return which rows go on: those of the best texts, of equal ones the first.

    A text counts by its best window; `texts` are the numbers of the rows' texts, ascending. A
    logit of minus infinity is one of a text that has left.
    """
    begins = np.flatnonzero(np.diff(texts, prepend=-1))
    merits = _merits(np.maximum.reduceat(logits, begins), at.first_stage)
    going = np.zeros(len(merits), np.bool_)
    going[best_first(merits)[: at.keeps(len(merits))]] = True
    return np.repeat(going, np.diff(begins, append=len(texts)))


def _merits(logits: NDArray[np.float32], first_stage: float) -> NDArray[np.floating[Any]]:
    """Return by what texts are kept: z(logit) + first_stage * z(-log(place + 10)).

    The first stage ranked them by what a few layers do not know yet, above all the exact words.
    z-scores over the texts still there; places count from 0.
    """
    there = np.isfinite(logits)
    if not first_stage or not there.any():
        return logits
    places = -np.log(np.arange(len(logits)) + 10.0)
    merits = np.full(len(logits), -np.inf)
    merits[there] = z_scores(logits[there]) + first_stage * z_scores(places)[there]
    return merits


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
    depths = sorted(set(left.tolist()), reverse=True)
    return [np.flatnonzero(left == depth) for depth in depths]
