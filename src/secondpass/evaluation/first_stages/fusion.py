"""Reciprocal rank fusion: several rankings as one.

Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank
Learning Methods", SIGIR 2009.
"""

from __future__ import annotations

from collections.abc import Sequence

from secondpass.evaluation.runs import Ranked, Run, in_trec_order
from secondpass.options.fusion import K


def fuse(runs: Sequence[Run]) -> Run:
    """Return one run: a document's score is the sum of 1 / (60 + rank) over the runs it is in."""
    scores: dict[str, dict[str, float]] = {}
    for run in runs:
        for query_id, ranked in run.items():
            fused = scores.setdefault(query_id, {})
            for rank, one in enumerate(ranked, start=1):
                fused[one.document_id] = fused.get(one.document_id, 0.0) + 1 / (K + rank)
    return {
        query_id: in_trec_order(Ranked(*one) for one in fused.items())
        for query_id, fused in scores.items()
    }
