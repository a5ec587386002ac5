"""How secondpass is loaded and asked, whatever the options."""

from __future__ import annotations

from pathlib import Path

from secondpass import CrossEncoderReranker


def load(work, *model, **options):
    """Return the reranker of the weights all share, or of another model, and what really runs."""
    reranker = CrossEncoderReranker(
        *(model or (work.model,)),
        max_length=work.max_length,
        cache_dir=Path(work.scratch) / "graphs",
        **options,
    )
    info = reranker.info
    return reranker, f"{info.precision} weights, {info.arithmetic} arithmetic"


def scores_of(reranker, query, texts):
    """Return the scores in the texts' order."""
    scores = [0.0] * len(texts)
    for hit in reranker.rank(query, texts, None):
        scores[hit.index] = hit.score
    return scores


def contestant(work, *model, **options):
    """Return what a contestant's `load` returns."""
    reranker, detail = load(work, *model, **options)
    return lambda query, texts: scores_of(reranker, query, texts), detail
