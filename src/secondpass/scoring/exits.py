"""Early exit: which candidates continue, and how the exited ones are ordered.

The rule: a candidate that left later ranks above one that left earlier, whatever the numbers say,
for its number saw more layers. Of those that left at one exit the order is by the exit's logit.
Where it is needed to agree, their logits are moved down together, so that the highest is just below
the lowest of those above.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from secondpass.engine.contract import NO_EXIT
from secondpass.scoring.effort import Exit
from secondpass.scoring.fusion import best_first, z_scores
from secondpass.scoring.scored import FIRST_MODEL, Floats
from secondpass.scoring.sequences import Owners

Depths = NDArray[np.int16]

_ALL_LAYERS = np.iinfo(np.int16).max
_FIRST_MODEL_ONLY = -1


def going_on(logits: Floats, owners: Owners, exit_: Exit) -> NDArray[np.bool_]:
    """Return which rows continue: in each group those of the best texts, of equal ones the first.

    A text counts by its best window. A logit of minus infinity is one of a text that has left.
    """
    logits = owners.levelled(logits, np.isfinite(logits))
    bounds = np.flatnonzero(np.diff(owners.groups, prepend=-1, append=-1))
    parts = [
        _going_on(logits[start:stop], owners.texts[start:stop], exit_)
        for start, stop in pairwise(bounds.tolist())
    ]
    return np.concatenate(parts)


def _going_on(logits: Floats, texts: NDArray[np.intp], exit_: Exit) -> NDArray[np.bool_]:
    begins = np.flatnonzero(np.diff(texts, prepend=-1))
    merits = _merits(np.maximum.reduceat(logits, begins), exit_.first_stage)
    going = np.zeros(len(merits), np.bool_)
    going[best_first(merits)[: exit_.keeps(len(merits))]] = True
    return np.repeat(going, np.diff(begins, append=len(texts)))


def _merits(logits: Floats, first_stage: float) -> NDArray[np.floating]:
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


def depths_of(exit_layer: NDArray[np.int16], scored_by: NDArray[np.int8]) -> Depths:
    """Return how much of the models each text saw, as numbers that only order."""
    depths = np.where(exit_layer == NO_EXIT, _ALL_LAYERS, exit_layer)
    return np.where(scored_by == FIRST_MODEL, _FIRST_MODEL_ONLY, depths).astype(np.int16)


def align_with_order(logits: Floats, depths: Depths) -> Floats:
    """Return the logits of all texts moved so that they agree with the rule above."""
    groups = _deepest_first(depths)
    if len(groups) < 2:
        return logits
    moved = logits.copy()
    lowest = moved[groups[0]].min()
    for group in groups[1:]:
        ceiling = np.nextafter(lowest, np.float32(-np.inf), dtype=np.float32)
        excess = max(moved[group].max() - ceiling, np.float32(0))
        moved[group] = np.minimum(moved[group] - excess, ceiling)
        lowest = moved[group].min()
    return moved


def ordering_keys(scores: Floats, depths: Depths) -> Floats:
    """Return numbers whose order is the model's own: the scores, but depth comes before them.

    Scores can be equal where logits are not, and then they do not order the groups.
    """
    groups = _deepest_first(depths)
    if len(groups) < 2:
        return scores
    order = np.concatenate([group[best_first(scores[group])] for group in groups])
    places = np.empty(len(order), np.float32)
    places[order] = -np.arange(len(order))
    return places


def _deepest_first(depths: Depths) -> list[NDArray[np.intp]]:
    """Return the positions of each group of equal depth, in input order."""
    return [np.flatnonzero(depths == depth) for depth in sorted(set(depths.tolist()), reverse=True)]
