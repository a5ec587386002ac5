"""A rival of sentence-transformers at its best batch size, found by trying."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

from benchmarks.speed.work import Work

BATCH_SIZES = (2, 4, 8, 16, 32)


def at_best_batch(model: Any, work: Work) -> tuple[Callable[[str, Sequence[str]], Any], str]:
    """Return what a rival's `load` returns for a `CrossEncoder` of sentence-transformers."""

    def scores(query: str, texts: Sequence[str], size: int) -> Any:
        return model.predict(pairs_of(query, texts), batch_size=size, show_progress_bar=False)

    best = best_batch_size(lambda size: scores(work.queries[0], work.candidates[0], size))
    return lambda query, texts: scores(query, texts, best), f"batch {best}"


def best_batch_size(score: Callable[[int], object]) -> int:
    """Return the batch size whose better of two runs is the shortest; one run before warms up."""
    score(BATCH_SIZES[-1])
    spent = {size: min(_seconds(score, size) for _ in range(2)) for size in BATCH_SIZES}
    return min(spent, key=lambda size: spent[size])


def pairs_of(query: str, texts: Sequence[str]) -> list[tuple[str, str]]:
    """Return what a cross-encoder scores."""
    return [(query, text) for text in texts]


def _seconds(score: Callable[[int], object], size: int) -> float:
    started = perf_counter()
    score(size)
    return perf_counter() - started
