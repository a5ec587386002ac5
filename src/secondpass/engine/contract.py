"""What an engine is: batches in, one row of float32 out for each sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from secondpass.scoring.batches import Batch


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What really runs: `precision` as the weights are, `arithmetic` as the device computes."""

    name: str
    device: str
    precision: str
    arithmetic: str
    threads: int


# Of the exit after so many layers and the logits of all rows in input order, -inf for those that
# left before: who goes on, one truth value a row.
Choose = Callable[[int, NDArray[np.float32]], NDArray[np.bool_]]


class Staged(NamedTuple):
    """A logit for each row in input order, and the layer it left after, 0 if it did not."""

    logits: NDArray[np.float32]
    exit_layer: NDArray[np.int16]


class StagedEngine(Protocol):
    """A model in stages. `run_stages` may be called by several threads at once."""

    @property
    def exit_layers(self) -> tuple[int, ...]:
        """After how many layers there is an exit, ascending; none for a model without."""
        ...

    @property
    def state_bytes(self) -> int:
        """What one token takes in memory between two stages."""
        ...

    def run_stages(self, batches: Sequence[Batch], layers: Sequence[int], choose: Choose) -> Staged:
        """Read the rows up to the exits after `layers`, and those that go on from there."""
        ...


class Engine(Protocol):
    """A loaded model. `run` may be called by several threads at once."""

    @property
    def info(self) -> EngineInfo:
        """What runs, for records."""
        ...

    @property
    def staged(self) -> StagedEngine | None:
        """The same model in stages, where the engine can cut it."""
        ...

    @property
    def streams(self) -> int:
        """How many batches are computed at the same time."""
        ...

    def run(self, batches: Sequence[Batch]) -> list[NDArray[np.float32]]:
        """Return one array [rows, outputs] for each batch, in order."""
        ...
