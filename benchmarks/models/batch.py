"""The better of two batch sizes: a search over all would take longer than what is timed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

from benchmarks.speed.batch_size import pairs_of
from benchmarks.speed.work import Work

SIZES = (32, 8)


def at_better_batch(model: Any, work: Work) -> tuple[Callable[[str, Sequence[str]], Any], str]:
    """Return what a contestant's `load` returns for a `CrossEncoder` of sentence-transformers."""

    def scores(query: str, texts: Sequence[str], size: int) -> Any:
        return model.predict(pairs_of(query, texts), batch_size=size, show_progress_bar=False)

    def seconds(size: int) -> float:
        started = perf_counter()
        scores(work.queries[0], work.candidates[0], size)
        return perf_counter() - started

    seconds(SIZES[0])
    better = min(SIZES, key=seconds)
    return lambda query, texts: scores(query, texts, better), f"batch {better}"
