"""What an engine scores, before it is laid out: query and text apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

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
    """Of each sequence of several requests: the number of its request, and of its text over all."""

    groups: NDArray[np.intp]
    texts: NDArray[np.intp]

    @classmethod
    def of(cls, prepared: Sequence[Prepared]) -> Owners:
        """Number the requests and their texts, both ascending."""
        counts = [len(request.sequences) for request in prepared]
        firsts = np.cumsum([0, *(len(request.tokens) for request in prepared)])[:-1]
        texts = [request.texts + first for request, first in zip(prepared, firsts, strict=True)]
        return cls(np.repeat(np.arange(len(prepared)), counts), np.concatenate(texts))

    def part(self, part: slice | NDArray[np.bool_]) -> Owners:
        """Return those of some sequences."""
        return Owners(self.groups[part], self.texts[part])


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
