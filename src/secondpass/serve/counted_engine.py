"""An engine round an engine that tells how large its batches are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from secondpass.engine.contract import (
    Batch,
    Choose,
    Engine,
    EngineInfo,
    Exits,
    Join,
    Policy,
    Staged,
)

# Of each batch, its tokens without padding and with it.
Told = Callable[[Sequence[tuple[int, int]]], object]


class CountedEngine:
    """Does what the engine does, and tells the tokens of each batch before."""

    def __init__(self, engine: Engine, told: Told) -> None:
        self._engine, self._told = engine, told
        self._exits = None if engine.exits is None else _CountedExits(engine.exits, told)

    @property
    def info(self) -> EngineInfo:
        """What runs."""
        return self._engine.info

    @property
    def policy(self) -> Policy:
        """The batches that the engine wants."""
        return self._engine.policy

    @property
    def exits(self) -> Exits | None:
        """The same model in stages."""
        return self._exits

    @property
    def join(self) -> Join | None:
        """The same model parted at its join, whose batches are not told."""
        return self._engine.join

    def run(self, batches: Sequence[Batch]) -> list[NDArray[np.float32]]:
        """Return one array for each batch, in order."""
        self._told(_sizes(batches))
        return self._engine.run(batches)

    def close(self) -> None:
        """Free the model."""
        self._engine.close()


class _CountedExits:
    def __init__(self, exits: Exits, told: Told) -> None:
        self._exits, self._told = exits, told

    @property
    def layers(self) -> tuple[int, ...]:
        return self._exits.layers

    @property
    def state_bytes(self) -> int:
        return self._exits.state_bytes

    def run(self, batches: Sequence[Batch], layers: Sequence[int], choose: Choose) -> Staged:
        self._told(_sizes(batches))
        return self._exits.run(batches, layers, choose)


def _sizes(batches: Sequence[Batch]) -> list[tuple[int, int]]:
    return [
        (int(batch.lengths.sum()), len(batch.lengths) * batch.padded_length) for batch in batches
    ]
