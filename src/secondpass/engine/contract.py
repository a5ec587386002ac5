"""What an engine is: batches in, one row of float32 out for each sequence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from secondpass.scoring.batches import Batch

Precision = Literal["auto", "fp32", "int8"]
PRECISIONS: tuple[str, ...] = get_args(Precision)


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What really runs: `precision` as the weights are, `arithmetic` as the device computes."""

    name: str
    device: str
    precision: str
    arithmetic: str
    threads: int


class Engine(Protocol):
    """A loaded model. `run` may be called by several threads at once."""

    @property
    def info(self) -> EngineInfo:
        """What runs, for records."""
        ...

    @property
    def streams(self) -> int:
        """How many batches are computed at the same time."""
        ...

    def run(self, batches: Sequence[Batch]) -> list[NDArray[np.float32]]:
        """Return one array [rows, outputs] for each batch, in order."""
        ...
