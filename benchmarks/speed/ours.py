"""How secondpass is loaded and asked, whatever the options."""

from __future__ import annotations

from pathlib import Path

from benchmarks.speed.untrained_exits import embedded_schedules, with_untrained_exits
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
    return reranker.score(query, texts).scores.tolist()


def contestant(work, *model, **options):
    """Return what a contestant's `load` returns."""
    reranker, detail = load(work, *model, **options)
    return lambda query, texts: scores_of(reranker, query, texts), detail


def with_untrained_heads(work, effort):
    """Return a contestant's int8 at an effort, the shared weights given heads nobody trained."""
    folder = Path(work.scratch) / "with-exits"
    model = with_untrained_exits(Path(work.model), folder, embedded_schedules())
    return contestant(work, model, precision="int8", effort=effort)
