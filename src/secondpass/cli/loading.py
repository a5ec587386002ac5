"""Makes the models that a subcommand asks for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from secondpass.engine.contract import Precision
from secondpass.models.embedded import CROSS_ENCODER
from secondpass.scoring.effort import Effort
from secondpass.scoring.window_rule import LongDocuments

if TYPE_CHECKING:
    from secondpass.reranker import CrossEncoderReranker


def load_reranker(
    *,
    model: str | None,
    max_length: int,
    precision: Precision,
    threads: int | None,
    long_documents: LongDocuments = "truncate",
    stride: int | None = None,
    select_tokens: int | None = None,
    effort: Effort = "full",
    cache: str | None = None,
    cascade: str | None = None,
    keep: int | None = None,
) -> CrossEncoderReranker:
    """Return the reranker of the shared options; in a cascade `model` is the second."""
    from secondpass.reranker import CrossEncoderReranker

    name = CROSS_ENCODER if model is None else model
    # "memory" would be a name here: what a command keeps in memory is lost with it.
    folder = None if cache is None else Path(cache)
    return CrossEncoderReranker(
        name if cascade is None else CROSS_ENCODER,
        max_length,
        precision=precision,
        threads=threads,
        long_documents=long_documents,
        stride=stride,
        select_tokens=select_tokens,
        effort=effort,
        cache=folder,
        cascade=None if cascade is None else [cascade, name],
        keep=keep,
    )
