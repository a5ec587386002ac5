"""Training sets and their negatives as numbered groups, ready for the trainer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from secondpass.errors import InputError
from secondpass.training.examples import Example, Group, TrainingSet
from secondpass.training.mining import Mined
from secondpass.training.sampling import Draws, some_of


@dataclass(frozen=True, slots=True)
class _Ready:
    """An example with its negatives and the passages that both are rows of."""

    example: Example
    negatives: tuple[int, ...]
    passages: Sequence[str]


class Mixture:
    """Group number n is decided by the seed alone. An example without a negative is left out."""

    def __init__(
        self,
        sets: Sequence[TrainingSet],
        mined: Sequence[Mined],
        *,
        negatives: int,
        temperature: float,
        seed: int,
    ) -> None:
        self._ready = _by_source(sets, mined)
        if not self._ready:
            raise InputError("no example of --train has a negative: there is nothing to learn from")
        self._draws = Draws(self.sizes, temperature=temperature, seed=seed)
        self._negatives = negatives
        self._seed = seed

    @property
    def sizes(self) -> Mapping[str, int]:
        """Return how many examples each source has."""
        return {source: len(ready) for source, ready in self._ready.items()}

    def __getitem__(self, number: int) -> Group:
        source, row = self._draws[number]
        ready = self._ready[source][row]
        chosen = some_of(ready.negatives, self._negatives, seed=self._seed, number=number)
        return Group(
            query=ready.example.query,
            positive=ready.passages[ready.example.positive],
            negatives=tuple(ready.passages[one] for one in chosen),
            source=source,
        )


def _by_source(sets: Sequence[TrainingSet], mined: Sequence[Mined]) -> dict[str, list[_Ready]]:
    found: dict[str, list[_Ready]] = {}
    for one, mined_set in zip(sets, mined, strict=True):
        for example, negatives in zip(one.examples, mined_set.negatives, strict=True):
            if negatives:
                ready = _Ready(example, negatives, one.passages)
                found.setdefault(example.source, []).append(ready)
    return found
