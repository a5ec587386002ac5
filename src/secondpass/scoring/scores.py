"""The last of the three steps: the table of all texts to what the caller gets."""

from __future__ import annotations

from dataclasses import asdict
from time import perf_counter

import numpy as np

from secondpass.engine.contract import NO_EXIT
from secondpass.options.model import Activation
from secondpass.scoring.activation import activate, require_finite
from secondpass.scoring.calibration_map import CalibrationMap
from secondpass.scoring.exits import align_with_order, depths_of
from secondpass.scoring.scored import FIRST_MODEL, Floats, Scored
from secondpass.scoring.stats import Stats, ms_since
from secondpass.types import Scores, Timings


def to_scores(
    scored: Scored, count: int, activation: Activation | CalibrationMap, started: float
) -> Scores:
    """Check the logits, align them with the order of early exits, and apply the activation, once.

    Args:
        scored: the first texts of the call, or all.
        count: how many texts there are; those that are not in the table have no score.
        activation: the model's, or its calibration.
        started: when the call began, a time of `perf_counter`.

    Raises:
        ScoreError: a logit is not a finite number; the message names the text's position.
    """
    begun = perf_counter()
    require_finite(scored.logits)
    logits = align_with_order(scored.logits, depths_of(scored.exit_layer, scored.scored_by))
    scores = _padded(activate(logits, activation), count)
    spent = Stats(rank_ms=ms_since(begun))
    return _of(scored, _padded(logits, count), scores, _timings(scored, count, spent, started))


def to_label_scores(scored: Scored, labels: int, activation: Activation | CalibrationMap) -> Floats:
    """Check the logits and apply the activation; float32 [n, labels].

    Raises:
        ScoreError: as `to_scores`.
    """
    require_finite(scored.logits)
    return activate(scored.logits, activation).reshape(-1, labels)


def plain_scores(scores: Floats, *, logits: Floats | None = None, total_ms: float = 0.0) -> Scores:
    """Return scores that say nothing else of their texts, for a second pass of one's own.

    `logits` are the scores before an activation, if it has one.
    """
    table = Scored.of(scores if logits is None else logits)
    timings = Timings(total_ms=total_ms, candidates=len(table), reranked=len(table))
    return _of(table, table.logits, np.asarray(scores, np.float32), timings)


def _of(scored: Scored, logits: Floats, scores: Floats, timings: Timings) -> Scores:
    table = scored.padded(len(scores))
    return Scores(
        logits=logits,
        scores=scores,
        exit_layer=table.exit_layer,
        scored_by=table.scored_by,
        tokens=table.tokens,
        dropped_tokens=table.dropped_tokens,
        span=table.span,
        spans=table.spans,
        timings=timings,
    )


def _padded(values: Floats, count: int) -> Floats:
    """Return the values and a NaN for each text that was not scored."""
    missing = np.full(count - len(values), np.nan, np.float32)
    return np.concatenate((values, missing)) if len(missing) else values


def _timings(scored: Scored, count: int, last: Stats, started: float) -> Timings:
    left = (scored.exit_layer != NO_EXIT) | (scored.scored_by == FIRST_MODEL)
    return Timings(
        **asdict(scored.stats + last),
        total_ms=ms_since(started),
        candidates=count,
        truncated=int(np.count_nonzero(scored.dropped_tokens)),
        dropped_tokens=int(scored.dropped_tokens.sum()),
        reranked=len(scored),
        exited=int(np.count_nonzero(left)),
        cached=int(np.count_nonzero(scored.cached)),
    )
