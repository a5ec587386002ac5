"""The script of sentence-transformers at the batch size that is fastest on the first list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.drop_in.scripts import THEIRS, script
from benchmarks.speed.batch_size import best_batch_size
from benchmarks.speed.work import Work


def at_best_batch(work: Work, **options: Any) -> tuple[Callable[[str, Sequence[str]], Any], str]:
    """Return what a contestant's `load` returns."""
    theirs = script(THEIRS)
    model = theirs.load(work.model, **options)

    def scores(query: str, texts: Sequence[str], size: int) -> Any:
        return theirs.score(model, query, texts, batch_size=size)

    # As many as 40 tell the sizes apart in half the time.
    texts = work.candidates[0][:40]
    best = best_batch_size(lambda size: scores(work.queries[0], texts, size))
    return lambda query, texts: scores(query, texts, best), f"batch {best}"
