"""Which example is drawn when: sources mixed by temperature, each gone through in random order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from secondpass.errors import InputError

# Draws are made this many at a time.
_BLOCK = 4096


class Draw(NamedTuple):
    """A source's name and one of its rows."""

    source: str
    row: int


def probabilities(sizes: Sequence[int], temperature: float) -> NDArray[np.float64]:
    """Return n^(1/T) of each size, divided by their sum: T = 1 as they are, T = inf all alike."""
    weights = np.asarray(sizes, np.float64) ** (1 / temperature)
    return np.asarray(weights / weights.sum())


class Draws:
    """An endless row of draws that the seed alone decides, whatever was asked for before.

    So a resumed run draws what it would have drawn. Within a source no row
    comes a second time before all have come once.
    """

    def __init__(self, sizes: Mapping[str, int], *, temperature: float, seed: int) -> None:
        if not sizes or min(sizes.values()) < 1:
            raise InputError(f"there is nothing to draw from: {dict(sizes)} examples")
        self._names = list(sizes)
        self._sizes = list(sizes.values())
        self._probabilities = probabilities(self._sizes, temperature)
        self._seed = seed
        self._random = np.random.default_rng(seed)
        self._orders: list[tuple[int, list[int]]] = [(-1, []) for _ in self._names]
        self._drawn: list[Draw] = []
        self._taken = [0] * len(self._names)

    def __getitem__(self, number: int) -> Draw:
        while len(self._drawn) <= number:
            chosen = self._random.choice(len(self._names), _BLOCK, p=self._probabilities)
            self._drawn.extend(self._take(int(source)) for source in chosen)
        return self._drawn[number]

    def _take(self, source: int) -> Draw:
        epoch, at = divmod(self._taken[source], self._sizes[source])
        self._taken[source] += 1
        if self._orders[source][0] != epoch:
            random = np.random.default_rng([self._seed, source, epoch])
            self._orders[source] = epoch, random.permutation(self._sizes[source]).tolist()
        return Draw(self._names[source], self._orders[source][1][at])


def some_of(rows: Sequence[int], count: int, *, seed: int, number: int) -> list[int]:
    """Return a choice of `count` rows, or all where there are fewer, for the draw of a number."""
    if len(rows) <= count:
        return list(rows)
    chosen = np.random.default_rng([seed, number]).choice(len(rows), count, replace=False)
    return [rows[at] for at in chosen]
