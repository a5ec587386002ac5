"""What schedules of exits would reach, from saved logits: who goes on is simulated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from recipes.embedded.dev_table import DevTable, standardized
from recipes.embedded.settings import TEACHERS

Numbers = NDArray[np.float64]
# After so many layers, so large a share of the candidates goes on.
Schedule = Sequence[tuple[int, float]]

SCHEDULES: list[Schedule] = [
    [(0, 0.6), (2, 0.4), (4, 0.25)],
    [(0, 0.5), (4, 0.25)],
    [(0, 0.4), (4, 0.3)],
    [(0, 0.5), (2, 0.4), (4, 0.2)],
    [(0, 0.45), (2, 0.45), (4, 0.2)],
    [(2, 0.35), (4, 0.2)],
    [(0, 0.7), (2, 0.35), (4, 0.2)],
    [(0, 0.8), (2, 0.3), (4, 0.15)],
    [(4, 0.2)],
    [(4, 0.1)],
    [(0, 0.22)],
    [(0, 0.3), (2, 0.2), (4, 0.1)],
    [(0, 0.3), (2, 0.15)],
    [(0, 0.25), (4, 0.1)],
    [(0, 0.4), (2, 0.15), (4, 0.1)],
]
# What the place in the first stage's order counts beside an exit's logit.
WEIGHTS = (0.0, 0.5, 1.0)
LAYERS = 6
# So many always go on.
_LEAST = 10
# Below every logit of a later exit.
_BELOW, _LAYER = -1e6, 1e4


def cost(schedule: Schedule, layers: int = LAYERS) -> float:
    """Return the share of the layers' work that a schedule does."""
    starts = [0, *(layer for layer, _ in schedule)]
    ends = [*starts[1:], layers]
    shares = [1.0, *(share for _, share in schedule)]
    work = (share * (end - start) for start, end, share in zip(starts, ends, shares, strict=True))
    return sum(work) / layers


def simulate(
    table: DevTable,
    exits: Mapping[int, Numbers],
    end: Numbers,
    schedule: Schedule,
    first_stage: float,
    pool: str = "bge",
) -> float:
    """Return the mean nDCG@10 when candidates of a dense first stage leave by the schedule."""
    allowed = table.in_pool[pool]
    first_stage_scores = table.scores[..., TEACHERS.index(pool)].astype(np.float64)
    place = standardized(-np.log(places(first_stage_scores, allowed) + 10.0), allowed)
    counts = allowed.sum(1, keepdims=True)
    staying, final = allowed, np.full(allowed.shape, -1e9)
    for layer, share in schedule:
        mixed = standardized(exits[layer], staying) + first_stage * place
        kept = np.maximum(_LEAST, np.ceil(share * counts))
        going_on = staying & (places(mixed, staying) < kept)
        final = np.where(staying & ~going_on, _BELOW + layer * _LAYER + exits[layer], final)
        staying = going_on
    return table.ndcg(np.where(staying, end, final), pool)


def places(scores: Numbers, allowed: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return each candidate's place in its row, best 0, those not allowed last."""
    order = np.argsort(np.where(allowed, -scores, np.inf), 1, kind="stable")
    result = np.empty_like(order)
    np.put_along_axis(result, order, np.arange(order.shape[1])[None].repeat(len(order), 0), 1)
    return result
