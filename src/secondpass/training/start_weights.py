"""The weights a run starts from, mixed into those it has come to.

What is evaluated and kept is `share` of the start and the rest of what was trained: WiSE-FT
(Wortsman et al. 2021, arXiv:2109.01903), which found such weights to keep what the start could do
on other data, and often to gain on the new.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


class StartWeights:
    """Remembers what a model's trainable weights are now."""

    def __init__(self, model: nn.Module, share: float) -> None:
        self._share = share
        self._trained = [one for one in model.parameters() if share and one.requires_grad]
        self._start = [one.detach().clone() for one in self._trained]

    @contextmanager
    def mixed_in(self) -> Iterator[None]:
        """Put the mix into the model, and afterwards what was there, bit by bit."""
        before = [one.detach().clone() for one in self._trained]
        self._set(
            [
                torch.lerp(now, first, self._share)
                for now, first in zip(before, self._start, strict=True)
            ]
        )
        try:
            yield
        finally:
            self._set(before)

    def _set(self, values: list[torch.Tensor]) -> None:
        with torch.no_grad():
            for one, value in zip(self._trained, values, strict=True):
                one.copy_(value)
