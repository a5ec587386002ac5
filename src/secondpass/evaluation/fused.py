"""The scores a run is reranked by at a depth: the second pass's own, or fused with the first's."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from secondpass.evaluation.rerank import Rescored
from secondpass.evaluation.runs import Ranked, Run
from secondpass.options.fusion import Fusion
from secondpass.scoring.fusion import fuse


def scores_at(
    run: Run, rescored: Rescored, depth: int, fusion: Fusion, queries: Mapping[str, str]
) -> Mapping[str, tuple[Ranked, ...]]:
    """Return each query's top `depth` in the first stage's order, each with its score.

    Without fusion a candidate's score depends on no other; fused it does, so each depth has its
    own: a rank or a z-score is one among the candidates that are scored. `queries` are the texts
    by id.
    """
    return {
        query_id: _fused(
            run[query_id][:depth],
            scored[:depth],
            rescored.logits[query_id][:depth],
            fusion.of(queries[query_id]),
        )
        for query_id, scored in rescored.scores.items()
    }


def _fused(
    first: tuple[Ranked, ...],
    scored: tuple[Ranked, ...],
    logits: tuple[float, ...],
    fusion: Fusion,
) -> tuple[Ranked, ...]:
    values = fuse(
        fusion,
        logits=np.array(logits),
        scores=np.array([one.score for one in scored]),
        first_stage_scores=np.array([one.score for one in first]),
    )
    if values is None:
        return scored
    return tuple(
        Ranked(one.document_id, float(value)) for one, value in zip(scored, values, strict=True)
    )
