"""How much of a run is done, by steps or by the clock, and the learning rate that follows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# The share of a run in which the learning rate rises.
WARMUP = 0.1


@dataclass(frozen=True, slots=True)
class Schedule:
    """A run ends after `steps` or `seconds`, whichever comes first. `spent` tells the seconds.

    `reserved` tells how many of them are needed at the end, for the last evaluation.
    """

    steps: int | None
    seconds: float | None
    spent: Callable[[], float]
    reserved: Callable[[], float] = lambda: 0.0

    def done(self, step: int) -> float:
        """Return the share of the run that is done after a number of steps, at most 1."""
        by_steps = step / self.steps if self.steps else 0.0
        return min(1.0, max(by_steps, self._done_by_clock()))

    def _done_by_clock(self) -> float:
        if self.seconds is None:
            return 0.0
        for_training = self.seconds - self.reserved()
        return self.spent() / for_training if for_training > 0 else 1.0

    def learning_rate_factor(self, step: int) -> float:
        """Rise to 1 in the first tenth, then fall to 0: both in a straight line."""
        # Of the step that comes: at a rate of 0 the first and the last would be lost.
        coming = (step + 1) / (self.steps + 1) if self.steps else 0.0
        done = max(self.done(step), coming)
        return min(done / WARMUP, (1 - done) / (1 - WARMUP))
