"""Orders that no rounding decides: neighbours nearer than a margin may change places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from secondpass.verify.arithmetic import SWAP_SHARE
from secondpass.verify.order import widest_swap
from secondpass.verify.outputs import RankedQuery

Id = TypeVar("Id")


def assert_same_order(found: Sequence[Id], scores: Mapping[Id, float], margin: float) -> None:
    """Fail where `found` is not the order of `scores` and the scores lie `margin` apart.

    `scores` hold more than `found` where `found` is a beginning of the order.
    """
    best = sorted(scores, key=lambda id_: -scores[id_])[: len(found)]
    swap = widest_swap(_ranked(best, scores), _ranked(found, scores))
    assert swap is None or swap.gap <= margin, str(swap)


def reduced_precision_margin(scores: Mapping[Id, float]) -> float:
    """Return how far int8 or bfloat16 may move two documents of these scores past each other."""
    return SWAP_SHARE * (max(scores.values()) - min(scores.values()))


def _ranked(ids: Sequence[Id], scores: Mapping[Id, float]) -> RankedQuery:
    return RankedQuery("", tuple(str(id_) for id_ in ids), tuple(float(scores[id_]) for id_ in ids))
