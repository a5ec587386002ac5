"""The rule of order: which documents may change places, and whether they did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from secondpass.verify.outputs import RankedQuery

# Stands for the place after the last document of a list; an id is never empty.
END = ""


@dataclass(frozen=True, slots=True)
class Swap:
    """Two documents in another order here than in the record, `gap` apart by recorded score.

    One of both may be END: the other fell out of the list, or came into it.
    """

    before: str
    after: str
    gap: float

    def __str__(self) -> str:
        if self.after == END:
            return f"{self.before} fell out, {self.gap:.4g} above the last"
        if self.before == END:
            return f"{self.after} came in, {self.gap:.4g} above the last"
        return f"{self.before} was before {self.after}, {self.gap:.4g} apart"


def widest_swap(recorded: RankedQuery, here: RankedQuery) -> Swap | None:
    """Return the change of places that is hardest to excuse, None where the order is the same."""
    if recorded.ids == here.ids:
        return None
    swaps = [*_inverted(recorded, here), *_left(recorded, here), *_came(recorded, here)]
    return max(swaps, key=lambda swap: swap.gap)


def among(query: RankedQuery, ids: frozenset[str]) -> RankedQuery:
    """Return the ranking of these documents alone."""
    kept = [(id_, score) for id_, score in zip(query.ids, query.scores, strict=True) if id_ in ids]
    return RankedQuery(query.query, tuple(i for i, _ in kept), tuple(score for _, score in kept))


def score_difference(recorded: RankedQuery, here: RankedQuery) -> float:
    """Return the largest difference of a document's score, over the documents in both."""
    return max((abs(change) for change in _changes(recorded, here)), default=0.0)


def widest_shift(recorded: RankedQuery, here: RankedQuery) -> float:
    """Return how far two documents moved against each other, as a part of the recorded range.

    It has no unit, so it says the same of cosines and of logits.
    """
    changes = _changes(recorded, here)
    reach = max(recorded.scores, default=0.0) - min(recorded.scores, default=0.0)
    return (max(changes) - min(changes)) / reach if changes and reach else 0.0


def _changes(recorded: RankedQuery, here: RankedQuery) -> list[float]:
    """Return by how much each document that is in both lists scores higher here."""
    scores = dict(zip(here.ids, here.scores, strict=True))
    return [
        scores[id_] - score
        for id_, score in zip(recorded.ids, recorded.scores, strict=True)
        if id_ in scores
    ]


def _inverted(recorded: RankedQuery, here: RankedQuery) -> Iterator[Swap]:
    """Yield each pair that is in both lists in opposite order."""
    place = {id_: at for at, id_ in enumerate(here.ids)}
    scored = [
        (id_, score)
        for id_, score in zip(recorded.ids, recorded.scores, strict=True)
        if id_ in place
    ]
    for (first, high), (second, low) in combinations(scored, 2):
        if place[first] > place[second]:
            yield Swap(first, second, high - low)


def _left(recorded: RankedQuery, here: RankedQuery) -> Iterator[Swap]:
    """Yield what fell out of the list: its place is as far from the end as its score."""
    present = set(here.ids)
    for id_, score in zip(recorded.ids, recorded.scores, strict=True):
        if id_ not in present:
            yield Swap(id_, END, score - recorded.scores[-1])


def _came(recorded: RankedQuery, here: RankedQuery) -> Iterator[Swap]:
    """Yield what came in; the record has no score of it, so its score here must do."""
    present = set(recorded.ids)
    for id_, score in zip(here.ids, here.scores, strict=True):
        if id_ not in present:
            yield Swap(END, id_, score - here.scores[-1])
