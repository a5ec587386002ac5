"""What fits into the time that is left: a decision of numbers alone, made before each block."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import NamedTuple

from secondpass.cost.text_cost import TextCost
from secondpass.deadline.slowdown import Pace

# A block may take this share of what is left, so that a machine that gets slower meanwhile is
# noticed while there is time; the last blocks may take all that is left.
_SHARE = 0.5
# Where nothing has been measured lately, the first block takes this share: it measures the pace,
# and one that a busy machine makes late is lost.
_FIRST_SHARE = 0.125
# A machine found busy may have become faster by this factor since.
_QUIETER = 20.0


class Block(NamedTuple):
    """The texts [start, stop) and what they should cost on an idle machine."""

    start: int
    stop: int
    cost_ms: float


def next_block(
    cost: TextCost,
    pace: Pace,
    query: str,
    texts: Sequence[str],
    start: int,
    *,
    most: int,
    left_ms: float,
    cached: Container[int] = frozenset(),
) -> Block:
    """Return the next block of a request; it is empty if not even one text fits.

    Where nothing fits by the pace of all calls, that of this one decides, which may be let through
    faster. A stale pace is tried with one text, or a busy minute would be believed for ever.

    Args:
        cost: what texts cost on an idle machine.
        pace: how slow it is now.
        query: the query.
        texts: all texts of the request.
        start: the first that was not scored yet.
        most: how many may be scored at a time.
        left_ms: the time that is left.
        cached: the positions of texts that cost a look-up only.
    """
    if left_ms <= 0:
        return Block(start, start, 0.0)
    tries = [(pace, _SHARE), (pace, 1.0)]
    if pace.of_call is not None:
        tries.append((pace.of_call, _SHARE))
    elif pace.stale:
        tries.insert(0, (pace, _FIRST_SHARE))
    for one, share in tries:
        affordable_ms = one.affordable_ms(share * left_ms)
        stop, cost_ms = cost.fitting(query, texts, start, most, affordable_ms, cached)
        if stop > start:
            return Block(start, stop, cost_ms)
    limit_ms = max(pace.try_ms, _QUIETER * left_ms if pace.stale else 0.0)
    if limit_ms > 0:
        return Block(start, *cost.fitting(query, texts, start, 1, limit_ms))
    return Block(start, start, 0.0)
