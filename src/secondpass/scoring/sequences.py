"""What an engine scores, before it is laid out: query and text apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from secondpass.scoring.effort import Schedule
from secondpass.scoring.encode import TokenIds
from secondpass.scoring.stats import Stats
from secondpass.states.codec import KeptStates


class TokenSequence(NamedTuple):
    """One sequence to score: the token ids of a query and of a text, or of a window of it.

    `states` are the text's at the join, where they were kept.
    """

    query: TokenIds
    text: TokenIds
    states: KeptStates | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A query's texts as sequences, and what was cut; not yet batched.

    Of each sequence, in order: `texts`, the number of its text, ascending; `span` as in `Scored`.
    Of each text: `tokens`, `dropped_tokens` and `spans` as in `Scored`. The early exits of
    `schedule` choose within the request. With `joined` every text begins at the join, those
    without states too.
    """

    sequences: list[TokenSequence]
    texts: NDArray[np.intp]
    span: NDArray[np.int32]
    tokens: NDArray[np.int64]
    dropped_tokens: NDArray[np.int64]
    spans: NDArray[np.object_]
    schedule: Schedule
    stats: Stats
    joined: bool = False


class Logits(NamedTuple):
    """Of each sequence of a request its logit and the layer it exited after, or `NO_EXIT`."""

    logits: NDArray[np.float32]
    exit_layer: NDArray[np.int16]
    stats: Stats


class Owners(NamedTuple):
    """Of each sequence of several requests: the number of its request, and of its text over all.

    `alike` is the same number for those of a request that have the same tokens and begin at the
    same place; None where no two do. Equal texts in different batches are rounded differently, and
    are to have one score all the same.
    """

    groups: NDArray[np.intp]
    texts: NDArray[np.intp]
    alike: NDArray[np.intp] | None = None

    @classmethod
    def of(cls, prepared: Sequence[Prepared]) -> Owners:
        """Number the requests and their texts, both ascending."""
        counts = [len(request.sequences) for request in prepared]
        firsts = np.cumsum([0, *(len(request.tokens) for request in prepared)])[:-1]
        texts = [request.texts + first for request, first in zip(prepared, firsts, strict=True)]
        groups = np.repeat(np.arange(len(prepared)), counts)
        return cls(groups, np.concatenate(texts), _alike(prepared))

    def part(self, part: slice | NDArray[np.bool_]) -> Owners:
        """Return those of some sequences."""
        alike = None if self.alike is None else self.alike[part]
        return Owners(self.groups[part], self.texts[part], alike)

    def levelled(self, logits: NDArray[np.float32], layers: NDArray[Any]) -> NDArray[np.float32]:
        """Return the logits of all sequences, of those alike after the same layers the first's."""
        if self.alike is None:
            return logits
        firsts: dict[tuple[int, int], int] = {}
        pairs = zip(self.alike.tolist(), layers.tolist(), strict=True)
        return logits[[firsts.setdefault(pair, at) for at, pair in enumerate(pairs)]]


def _alike(prepared: Sequence[Prepared]) -> NDArray[np.intp] | None:
    """Return the numbers of `Owners.alike`."""
    known: dict[tuple[int, bytes, bytes, str], int] = {}
    numbers = [
        known.setdefault(
            (group, one.query.tobytes(), one.text.tobytes(), _begin_of(one)), len(known)
        )
        for group, request in enumerate(prepared)
        for one in request.sequences
    ]
    return None if len(known) == len(numbers) else np.array(numbers, np.intp)


def _begin_of(sequence: TokenSequence) -> str:
    """Return how the states are kept that a sequence begins with, "" for one without."""
    return "" if sequence.states is None else str(sequence.states.values.dtype)


def divided(
    prepared: Sequence[Prepared],
    logits: NDArray[np.float32],
    exit_layer: NDArray[np.int16],
    stats: Stats,
) -> list[Logits]:
    """Return each request's own of what they were given together; time goes by their tokens."""
    bounds = np.cumsum([len(request.sequences) for request in prepared])[:-1]
    tokens = max(1, sum(request.stats.tokens for request in prepared))
    return [
        Logits(of_logits, of_exits, stats.share(request.stats.tokens / tokens))
        for request, of_logits, of_exits in zip(
            prepared, np.split(logits, bounds), np.split(exit_layer, bounds), strict=True
        )
    ]
