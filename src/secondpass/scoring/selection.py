"""What is returned of all that was scored: in which order, from which score on, and how many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from secondpass.errors import InputError
from secondpass.scoring.exits import standing
from secondpass.scoring.finite import described, finite_number
from secondpass.scoring.first_scores import FirstScores
from secondpass.scoring.fusion import best_first, fuse
from secondpass.scoring.fusion_rule import Fuse, Fusion
from secondpass.scoring.merging import (
    FIRST_MODEL_ONLY,
    READ_WHOLE,
    WINDOW,
    Left,
    Windows,
    read_of,
    read_whole,
)
from secondpass.scoring.ranking import Scores, checked_top_k
from secondpass.scoring.unread import unread_hits
from secondpass.types import Hit


class Scored(NamedTuple):
    """All texts of a query, in input order: a few bytes a text, whatever its length.

    `windows` holds the record of each text's best window.
    """

    logits: Scores
    scores: Scores
    windows: Windows
    left: Left

    @classmethod
    def joined(cls, blocks: Iterable[Scored]) -> Scored:
        """Return the blocks as one, in their order."""
        numbers = np.empty(0, np.float32)
        empty = cls(numbers, numbers, np.empty(0, WINDOW), read_whole(0))
        return cls(*(np.concatenate(column) for column in zip(empty, *blocks, strict=True)))


class Selected(NamedTuple):
    """The hits, best first, and how many texts scored below `min_score`."""

    hits: tuple[Hit, ...]
    dropped: int


@dataclass(frozen=True, slots=True)
class Selection:
    """Checked options of what is returned. Make it with `checked`."""

    top_k: int | None
    min_score: float | None
    fusion: Fusion

    @classmethod
    def checked(
        cls,
        *,
        top_k: int | None,
        min_score: float | None = None,
        fuse: Fuse = "none",
        fuse_weight: float | None = None,
    ) -> Selection:
        """Return the options, or raise an InputError that names the value and what is allowed."""
        return cls(
            checked_top_k(top_k), checked_min_score(min_score), Fusion.checked(fuse, fuse_weight)
        )

    def select(
        self, texts: Sequence[str], scored: Scored, first_scores: FirstScores | None
    ) -> Selected:
        """Put all in order, drop what is below `min_score`, and keep the `top_k` best of the rest.

        What is dropped still counts in the z-scores and ranks of a fusion: a limit on the model's
        score changes no other candidate's fused score.

        Where `scored` are the first texts only, a fusion is among those; the others follow in their
        order, and `min_score` drops none of them, for they have no score.
        """
        if first_scores is not None:
            first_scores = first_scores[: len(scored.scores)]
        own = standing(scored)
        fused = fuse(
            self.fusion,
            logits=scored.logits,
            scores=own if self.fusion.rule == "rrf" else scored.scores,
            first_scores=first_scores,
        )
        # A weight of 0 is no fusion, and then depth comes before scores that are equal.
        order = best_first(own if fused is None or self.fusion.weight == 0 else fused)
        kept = order
        if self.min_score is not None:
            # As float64, or numpy would round the limit to float32 and not compare what is shown.
            kept = order[scored.scores[order].astype(np.float64) >= self.min_score]
        hits = tuple(
            Hit(
                index=at,
                score=float(scored.scores[at]),
                text=texts[at],
                fused=None if fused is None else float(fused[at]),
                logit=float(scored.logits[at]),
                **read_of(scored.windows[at])._asdict(),
                layers=int(scored.left[at]) if 0 <= scored.left[at] < READ_WHOLE else None,
                model=1 if scored.left[at] == FIRST_MODEL_ONLY else None,
            )
            for at in kept[: self.top_k].tolist()
        )
        room = None if self.top_k is None else self.top_k - len(hits)
        return Selected(hits + unread_hits(texts, len(scored.scores), room), len(order) - len(kept))


def checked_min_score(min_score: float | None) -> float | None:
    """Return `min_score` if it is a finite number, or None for no limit."""
    if min_score is None:
        return None
    number = finite_number(min_score)
    if number is None:
        raise InputError(
            f"min_score is {described(min_score)}, expected a finite number, or None for no limit"
        )
    return number
