"""Documents in blocks by the clock, each to be one commit of a long load."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

# A block ends when it took this long, or this share of the time since the first began: so little is
# lost with a process that dies, and the commits of a long load stay few.
BLOCK_SECONDS = 2.0
BLOCK_SHARE = 0.02
# Texts that are embedded at a time within a block: more would be 2 % faster.
BATCH = 128

Item = TypeVar("Item")


def in_blocks(
    items: Iterator[Item], now: Callable[[], float] = time.monotonic
) -> Iterator[Iterator[Item]]:
    """Yield the items in blocks, each to be used up before the next is taken."""
    began = now()
    for first in items:
        yield _block(first, items, began, now)


def _block(
    first: Item, items: Iterator[Item], began: float, now: Callable[[], float]
) -> Iterator[Item]:
    start = now()
    yield first
    while now() - start < max(BLOCK_SECONDS, BLOCK_SHARE * (now() - began)):
        try:
            item = next(items)
        except StopIteration:
            return
        yield item
