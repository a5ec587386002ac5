"""Keeps development queries out of training, else their nDCG@10 would be of learning by heart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from secondpass.errors import InputError
from secondpass.training.examples import TrainingSet, query_key


def without_queries(one: TrainingSet, queries: Iterable[str]) -> tuple[TrainingSet, int]:
    """Return the set without the examples of these queries, and how many those were.

    Raises:
        InputError: none is left.
    """
    kept_out = {query_key(query) for query in queries}
    kept = tuple(example for example in one.examples if query_key(example.query) not in kept_out)
    if not kept:
        raise InputError(
            f"{one.path}: each of its {len(one.examples)} queries is a query of --dev too; hold "
            "other queries out"
        )
    return replace(one, examples=kept), len(one.examples) - len(kept)
