"""How secondpass is loaded, at whichever precision."""

from __future__ import annotations

from pathlib import Path

from secondpass import CrossEncoderReranker
from secondpass.engine.contract import Precision


def load_at(precision: Precision, work):
    """Return rerank, and what really runs."""
    reranker = CrossEncoderReranker(
        work.model, work.max_length, precision=precision, cache_dir=Path(work.scratch) / "graphs"
    )
    info = reranker.info

    def rerank(query, texts):
        return reranker.predict([(query, text) for text in texts])

    return rerank, f"{info.precision} weights, {info.arithmetic} arithmetic"
