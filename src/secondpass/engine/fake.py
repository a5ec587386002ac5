"""An engine that computes nothing: for tests of all that stands on engines, ours and users'.

A row's logit is a hash of its tokens, so it is the same in any batch, with any padding, in any
process. No OpenVINO, no torch, no model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from secondpass.engine.contract import NO_EXIT, Batch, Choose, EngineInfo, Exits, Policy, Staged
from secondpass.errors import EngineError

# Of a row's token ids, int32 [tokens]: its logit.
Score = Callable[[NDArray[np.int32]], float]


def hashed(ids: NDArray[np.int32]) -> float:
    """Return a number from -8 to 8 that depends on every token and on their order."""
    return crc32(np.ascontiguousarray(ids, "<i4").tobytes()) / 2**32 * 16 - 8


class FakeEngine:
    """Scores each row by a function of its tokens, and notes the batches that it was given.

    Args:
        score: what gives a row's logit.
        exit_layers: after which layers it has exits, ascending from 1. Up to layer n a row's logit
            is that of its tokens, rounded to a multiple of 2 / n: the first exits tell the least.
        policy: the batches it wants.
    """

    join = None

    def __init__(
        self,
        score: Score = hashed,
        *,
        exit_layers: Sequence[int] = (),
        policy: Policy | None = None,
    ) -> None:
        self.info = EngineInfo("fake", "cpu", "fp32", "f32", threads=1)
        self.policy = policy or Policy(pads=False)
        self.batches: list[Batch] = []
        self._score = score
        self._exits = _FakeExits(self, tuple(exit_layers)) if exit_layers else None
        self._closed = False

    @property
    def exits(self) -> Exits | None:
        """The same scores in stages; None without `exit_layers`."""
        return self._exits

    def run(self, batches: Sequence[Batch]) -> list[NDArray[np.float32]]:
        """Return one array [rows, 1] for each batch, in order."""
        if self._closed:
            raise EngineError.closed()
        self.batches += batches
        return [self._logits(batch) for batch in batches]

    def close(self) -> None:
        """Refuse later calls."""
        self._closed = True

    def _logits(self, batch: Batch) -> NDArray[np.float32]:
        rows = zip(batch.columns["input_ids"], batch.lengths, strict=True)
        logits = [self._score(ids[:length]) for ids, length in rows]
        return np.array(logits, np.float32).reshape(-1, 1)


class _FakeExits:
    """The engine's own logits, coarser at the first exits."""

    state_bytes = 4

    def __init__(self, engine: FakeEngine, layers: tuple[int, ...]) -> None:
        self.layers = layers
        self._engine = engine

    def run(self, batches: Sequence[Batch], layers: Sequence[int], choose: Choose) -> Staged:
        """Compute all rows, and let those exit that are not chosen."""
        count = sum(len(batch.positions) for batch in batches)
        whole = np.empty(count, np.float32)
        for batch, logits in zip(batches, self._engine.run(batches), strict=True):
            whole[batch.positions] = logits[:, 0]
        staged = Staged(whole.copy(), np.full(count, NO_EXIT, np.int16))
        going = np.ones(count, np.bool_)
        for layer in layers:
            coarse = np.round(whole * layer / 2) * np.float32(2 / layer)
            chosen = going & choose(layer, np.where(going, coarse, -np.inf).astype(np.float32))
            exited = going & ~chosen
            staged.logits[exited] = coarse[exited]
            staged.exit_layer[exited] = layer
            going = chosen
        return staged
