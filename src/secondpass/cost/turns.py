"""Measures a few settings in turns, so that a slow moment of the machine affects all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

S = TypeVar("S")
M = TypeVar("M")

# The first turn over the next ones.
WARM_UP_SLOWER = 1.25


def in_turns(
    measure: Callable[[S], M],
    settings: Sequence[S],
    *,
    seconds: float,
    repeats: tuple[int, int],
    now: Callable[[], float],
    advance: Callable[[int], object] = lambda _: None,
) -> list[list[M]]:
    """Return the measurements of each turn, in the order of the settings.

    The first turn warms up and is not kept, unless there is no time for another; it tells how many
    there is time for.

    Args:
        measure: measures one setting.
        settings: what is measured in each turn.
        seconds: about how long all turns may take.
        repeats: the fewest and the most turns after the first.
        now: a clock in seconds.
        advance: called after each turn, and once with the number of turns there is no time for.
    """
    started = now()
    turns = [[measure(setting) for setting in settings]]
    fewest, most = repeats
    affordable = int(WARM_UP_SLOWER * seconds / max(now() - started, 1e-9))
    kept = max(fewest, min(most, affordable))
    advance(1 + most - kept)
    for _ in range(kept):
        turns.append([measure(setting) for setting in settings])
        advance(1)
    return turns[1:] or turns
