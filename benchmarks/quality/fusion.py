"""The reranker's score and the first stage's as one: z(logit) + weight * z(first stage)."""

from __future__ import annotations

from benchmarks.quality.task import Scores
from secondpass.scoring.fusion import z_scores


def fused(logits: Scores, first: Scores, weight: float) -> Scores:
    """Fuse each query's scores, over its own candidates. A query without logits stays without."""
    return {
        query_id: z_scores(values) + weight * z_scores(first[query_id])
        for query_id, values in logits.items()
    }
