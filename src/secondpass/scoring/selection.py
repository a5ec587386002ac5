"""Ordering, `min_score` and `top_k`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from secondpass.errors import InputError
from secondpass.scoring.exits import depths_of, ordering_keys
from secondpass.scoring.finite import described, finite_number
from secondpass.scoring.first_stage_scores import FirstStageScores
from secondpass.scoring.fusion import best_first, fuse
from secondpass.scoring.fusion_rule import Fuse, Fusion
from secondpass.scoring.scored import SCORED_BY
from secondpass.types import Hit, Scores


class Selected(NamedTuple):
    """The hits, best first, and how many texts scored below `min_score`."""

    hits: tuple[Hit, ...]
    dropped: int


class _Ordered(NamedTuple):
    """Positions of the scored texts, best first, and of each text its fused score, if any."""

    positions: NDArray[np.intp]
    fused: NDArray[np.float64] | None


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
        self, texts: Sequence[str], scores: Scores, first_stage_scores: FirstStageScores | None
    ) -> Selected:
        """Put all in order, drop what is below `min_score`, and keep the `top_k` best of the rest.

        What is dropped still counts in the z-scores and ranks of a fusion: a limit on the model's
        score changes no other candidate's fused score.

        A fusion is among the texts that were scored; the others follow in their order, and
        `min_score` drops none of them, for they have no score.
        """
        ordered = self._order(scores, first_stage_scores)
        kept = ordered.positions
        if self.min_score is not None:
            # As float64, or numpy would round the limit to float32 and not compare what is shown.
            kept = kept[scores.scores[kept].astype(np.float64) >= self.min_score]
        unscored = np.flatnonzero(~scores.scored)
        shown = np.concatenate((kept, unscored))[: self.top_k].tolist()
        hits = tuple(_hit(position, texts, scores, ordered.fused) for position in shown)
        return Selected(hits, len(ordered.positions) - len(kept))

    def _order(self, scores: Scores, first_stage_scores: FirstStageScores | None) -> _Ordered:
        positions = np.flatnonzero(scores.scored)
        values = scores.scores[positions]
        depths = depths_of(scores.exit_layer, scores.scored_by)[positions]
        own = ordering_keys(values, depths)
        fused = fuse(
            self.fusion,
            logits=scores.logits[positions],
            scores=own if self.fusion.rule == "rrf" else values,
            first_stage_scores=None
            if first_stage_scores is None
            else first_stage_scores[positions],
        )
        # A weight of 0 is no fusion, and then depth comes before scores that are equal.
        order = best_first(own if fused is None or self.fusion.weight == 0 else fused)
        if fused is None:
            return _Ordered(positions[order], None)
        of_all = np.full(len(scores), np.nan)
        of_all[positions] = fused
        return _Ordered(positions[order], of_all)


def _hit(
    position: int, texts: Sequence[str], scores: Scores, fused: NDArray[np.float64] | None
) -> Hit:
    score = float(scores.scores[position])
    if score != score:
        return Hit(position, None, texts[position], truncated=False, reranked=False)
    dropped_tokens = int(scores.dropped_tokens[position])
    start, end = scores.span[position].tolist()
    return Hit(
        index=position,
        score=score,
        text=texts[position],
        truncated=dropped_tokens > 0,
        fused=None if fused is None else float(fused[position]),
        logit=float(scores.logits[position]),
        tokens=int(scores.tokens[position]),
        dropped_tokens=dropped_tokens,
        span=None if start < 0 else (start, end),
        exit_layer=int(scores.exit_layer[position]),
        scored_by=SCORED_BY[scores.scored_by[position]],
        spans=scores.spans[position],
    )


def checked_top_k(top_k: int | None) -> int | None:
    """Return `top_k` if it is an integer of at least 1, or None for all."""
    if top_k is None:
        return None
    if isinstance(top_k, bool) or not isinstance(top_k, int | np.integer) or top_k < 1:
        raise InputError(
            f"top_k is {top_k!r}, expected a whole number of at least 1, or None for all"
        )
    return int(top_k)


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
