"""Every number a training run depends on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from secondpass.checks import integer
from secondpass.errors import InputError
from secondpass.training.mining import Miner

Loss = Literal["listwise", "lambda"]
TrainingPrecision = Literal["bf16", "fp32"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How to train. A run ends after `steps` or `minutes`, whichever comes first.

    A step reads `batch_groups` groups of one positive and `negatives` negatives. `temperature`
    mixes the sources; `mine` names the stages whose tops become negatives, unless
    nearer to the query than `nearest_negative` times the positive's cosine. `dev_queries` and
    `dev_depth` cap what is read of each development collection every `evaluate_every` steps, or at
    each fifth of the run. What is kept is `share_of_start` of the weights it started from.
    """

    model: str | None
    steps: int | None
    minutes: float | None
    loss: Loss = "listwise"
    max_length: int = 512
    batch_groups: int = 8
    negatives: int = 7
    learning_rate: float = 2e-5
    precision: TrainingPrecision = "bf16"
    temperature: float = 2.0
    mine: tuple[Miner, ...] = ("bm25", "dense")
    nearest_negative: float = 0.95
    seed: int = 0
    evaluate_every: int | None = None
    checkpoint_every: int = 200
    dev_queries: int = 50
    dev_depth: int = 50
    share_of_start: float = 0.0

    def checked(self) -> Recipe:
        """Return the recipe if every number is usable.

        Raises:
            InputError: one is not; the message names it.
        """
        if self.steps is None and self.minutes is None:
            raise InputError("neither steps nor minutes is given: say when to end")
        counts = "batch_groups negatives checkpoint_every dev_queries dev_depth"
        for name in counts.split():
            integer(name, getattr(self, name))
        for name in ("steps", "evaluate_every"):
            if getattr(self, name) is not None:
                integer(name, getattr(self, name))
        integer("seed", self.seed, 0)
        for name in ("minutes", "learning_rate", "temperature", "nearest_negative"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise InputError(f"{name} is {value!r}, expected a number above 0")
        if not 0 <= self.share_of_start < 1:
            raise InputError(
                f"share_of_start is {self.share_of_start!r}, expected 0 or more and less than 1: "
                "at 1 nothing would be learnt"
            )
        return self
