"""Which texts of a request are scored at a time, so that others get their turn in between."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from secondpass.cost.text_cost import TextCost
from secondpass.deadline.budget import Budget
from secondpass.deadline.cached_texts import CachedTexts
from secondpass.deadline.fitting import next_block
from secondpass.deadline.slowdown import pace_of
from secondpass.options.effort import Effort
from secondpass.serve.pace import Pacing

Floats = NDArray[np.float64]
Positions = NDArray[np.intp]
# What is kept back of a budget for making the answer and sending it.
FINISH_MS = 1.0


class Slices(ABC):
    """The parts of a request, taken by one thread at a time.

    Args:
        texts_ms: what each text takes on an idle machine.
        most_texts: the most texts of a part.
    """

    # Whether the next part can be known only when the last one is scored.
    one_at_a_time = False

    def __init__(self, texts_ms: Floats, most_texts: int) -> None:
        self._order = self._ordered(texts_ms)
        self._until_ms = np.concatenate(([0.0], np.cumsum(texts_ms[self._order])))
        self._most = most_texts
        self._next = 0

    @property
    def ended(self) -> bool:
        """Whether all texts were taken, or given up."""
        return self._next == len(self._order)

    @property
    def left_ms(self) -> float:
        """What the texts take that were not taken."""
        return self._takes_ms(len(self._order))

    def take(self, most_ms: float, wait_ms: float) -> tuple[Positions, float]:
        """Return the positions of the next texts, one at least, and what they take.

        No positions say that there is no time for the rest. `wait_ms` pass before it is begun.
        """
        stop = self._stop(most_ms, wait_ms)
        taken = self._order[self._next : stop], self._takes_ms(stop)
        self._next = stop if len(taken[0]) else len(self._order)
        return taken

    @abstractmethod
    def _stop(self, most_ms: float, wait_ms: float) -> int:
        """Return where the next part ends."""

    def _ordered(self, texts_ms: Floats) -> Positions:
        """Return the texts' positions in the order in which they are taken."""
        return np.arange(len(texts_ms))

    def _takes_ms(self, stop: int) -> float:
        return float(self._until_ms[stop] - self._until_ms[self._next])

    def _within(self, most_ms: float) -> int:
        """Return where the texts end that take `most_ms` together, one at least."""
        limit = self._until_ms[self._next] + most_ms
        stop = int(np.searchsorted(self._until_ms, limit, "right")) - 1
        return min(max(stop, self._next + 1), self._next + self._most, len(self._order))


class LikeLengths(Slices):
    """Parts of any size, longest texts first: texts of like length leave little padding."""

    def _ordered(self, texts_ms: Floats) -> Positions:
        return np.argsort(-texts_ms, kind="stable")

    def _stop(self, most_ms: float, wait_ms: float) -> int:
        return self._within(most_ms)


class WholeBlocks(Slices):
    """The library's own blocks: texts that are chosen among are scored together."""

    def _stop(self, most_ms: float, wait_ms: float) -> int:
        return min(self._next + self._most, len(self._order))


class InTime(Slices):
    """The first texts, as many as there is time for.

    Args:
        texts_ms: what each text takes on an idle machine.
        most_texts: the most texts of a part.
        texts: the query and the texts, and which of them a cache knows.
        cost: the cost model.
        pacing: how slow the machine is now.
        effort: which early exits the request takes.
        budget: the time of the request, which runs already.
    """

    one_at_a_time = True

    def __init__(
        self,
        texts_ms: Floats,
        most_texts: int,
        *,
        texts: CachedTexts,
        cost: TextCost,
        pacing: Pacing,
        effort: Effort,
        budget: Budget,
    ) -> None:
        super().__init__(texts_ms, most_texts)
        self._texts, self._cost, self._budget = texts, cost, budget
        self._pacing, self._effort = pacing, effort
        # What the last part should take on an idle machine, and what was left when it was taken.
        self._last: tuple[float, float] | None = None

    def _stop(self, most_ms: float, wait_ms: float) -> int:
        most = self._within(most_ms)
        if self._texts.lacks(most):
            self._texts.look_up(most)
        now_left_ms = self._budget.left_ms()
        left_ms = now_left_ms - wait_ms - FINISH_MS
        of_call = None
        if self._last is not None:
            cost_ms, then_left_ms = self._last
            of_call = pace_of(cost_ms, then_left_ms - now_left_ms)
        # Where nothing else is computed, the first text keeps nobody waiting.
        tries = self._next == 0 and wait_ms <= 0
        pace = self._pacing.pace(self._effort)
        pace = pace._replace(of_call=of_call, try_ms=pace.hoped_ms(left_ms) if tries else 0.0)
        block = next_block(
            self._cost,
            pace,
            self._texts.query,
            self._texts.texts,
            self._next,
            most=most - self._next,
            left_ms=left_ms,
            cached=self._texts.positions,
        )
        if self._texts.count(block.start, block.stop) < block.stop - block.start:
            self._last = block.cost_ms, now_left_ms
        return block.stop


def texts_ms(cost: TextCost, query: str, texts: Sequence[str]) -> Floats:
    """Return what each text takes on an idle machine."""
    query_tokens = cost.query_tokens(query)
    return np.array([cost.text_ms(text, query_tokens) for text in texts], np.float64)
