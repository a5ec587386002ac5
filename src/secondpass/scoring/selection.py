"""Ordering, `min_score` and `top_k`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from secondpass.engine.contract import NO_EXIT
from secondpass.options.call import RankOptions
from secondpass.options.fusion import Fusion
from secondpass.scoring.exits import depths_of, ordering_keys
from secondpass.scoring.first_stage_scores import FirstStageScores
from secondpass.scoring.fusion import best_first, fuse
from secondpass.scoring.scored import SCORED_BY
from secondpass.types import Hit, Scores


class Selected(NamedTuple):
    """The hits, best first, and how many texts scored below `min_score`."""

    hits: tuple[Hit, ...]
    dropped: int


class Chosen(NamedTuple):
    """As `Selected`, but of the texts without a score the positions only, which follow the hits.

    A hit takes microseconds to make, which for very many texts would be most of a short budget.
    """

    hits: tuple[Hit, ...]
    unscored: list[int]
    dropped: int


class _Ordered(NamedTuple):
    """Positions of the scored texts, best first, and of each text its fused score, if any."""

    positions: NDArray[np.intp]
    fused: NDArray[np.float64] | None


def select(
    options: RankOptions,
    texts: Sequence[str],
    scores: Scores,
    first_stage_scores: FirstStageScores | None,
) -> Selected:
    """Put all in order, drop what is below `min_score`, and keep the `top_k` best of the rest.

    What is dropped still counts in the z-scores and ranks of a fusion: a limit on the model's
    score changes no other candidate's fused score.

    A fusion is among the texts that were scored; the others follow in their order, and
    `min_score` drops none of them, for they have no score.
    """
    chosen = choose(options, texts, scores, first_stage_scores)
    unscored = (unscored_hit(position, texts[position]) for position in chosen.unscored)
    return Selected((*chosen.hits, *unscored), chosen.dropped)


def choose(
    options: RankOptions,
    texts: Sequence[str],
    scores: Scores,
    first_stage_scores: FirstStageScores | None,
) -> Chosen:
    """Do what `select` does, and make no hits of texts without a score."""
    ordered = _order(options.fusion(), scores, first_stage_scores)
    kept = ordered.positions
    if options.min_score is not None:
        # As float64, or numpy would round the limit to float32 and not compare what is shown.
        kept = kept[scores.scores[kept].astype(np.float64) >= options.min_score]
    shown = kept[: options.top_k].tolist()
    left = None if options.top_k is None else options.top_k - len(shown)
    unscored = np.flatnonzero(~scores.scored)[:left].tolist()
    hits = tuple(_hit(position, texts, scores, ordered.fused) for position in shown)
    return Chosen(hits, unscored, len(ordered.positions) - len(kept))


def unscored_hit(position: int, text: str) -> Hit:
    """Return the hit of a text for which there was no time."""
    return Hit(position, None, text, truncated=False, reranked=False)


def _order(fusion: Fusion, scores: Scores, first_stage_scores: FirstStageScores | None) -> _Ordered:
    positions = np.flatnonzero(scores.scored)
    values = scores.scores[positions]
    depths = depths_of(scores.exit_layer, scores.scored_by)[positions]
    own = ordering_keys(values, depths)
    fused = fuse(
        fusion,
        logits=scores.logits[positions],
        scores=own if fusion.rule == "rrf" else values,
        first_stage_scores=None if first_stage_scores is None else first_stage_scores[positions],
    )
    # A weight of 0 does not fuse, and then depth comes before scores that are equal.
    order = best_first(own if fused is None or fusion.weight == 0 else fused)
    if fused is None:
        return _Ordered(positions[order], None)
    of_all = np.full(len(scores), np.nan)
    of_all[positions] = fused
    return _Ordered(positions[order], of_all)


def _hit(
    position: int, texts: Sequence[str], scores: Scores, fused: NDArray[np.float64] | None
) -> Hit:
    score = float(scores.scores[position])
    dropped_tokens = int(scores.dropped_tokens[position])
    start, end = scores.span[position].tolist()
    exit_layer = int(scores.exit_layer[position])
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
        exit_layer=None if exit_layer == NO_EXIT else exit_layer,
        scored_by=SCORED_BY[scores.scored_by[position]],
        spans=scores.spans[position],
    )
