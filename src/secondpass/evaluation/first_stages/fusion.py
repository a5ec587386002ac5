"""Several rankings as one, by reciprocal rank fusion: see scoring/fusion.py."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from secondpass.evaluation.runs import Ranked, Run, in_trec_order
from secondpass.scoring.fusion import reciprocal_rank


def fuse(runs: Sequence[Run]) -> Run:
    """Return one run: a document's score is the sum over the runs it is in."""
    scores: dict[str, dict[str, float]] = {}
    for run in runs:
        for query_id, ranked in run.items():
            fused = scores.setdefault(query_id, {})
            parts = reciprocal_rank(np.arange(1, len(ranked) + 1)).tolist()
            for document, part in zip(ranked, parts, strict=True):
                fused[document.document_id] = fused.get(document.document_id, 0.0) + part
    return {
        query_id: in_trec_order(Ranked(*scored) for scored in fused.items())
        for query_id, fused in scores.items()
    }
