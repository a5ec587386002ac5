"""Candidates of the same mix of lengths, however many."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from secondpass.demo.stdlib_docs import stdlib_documents

QUERY = "read a csv file whose first row names the columns"


def documents() -> list[str]:
    """Return the docstrings of the running Python's standard library, shortest first."""
    return sorted((document.text for document in stdlib_documents()), key=len)


def spread(texts: Sequence[str], count: int, seed: int = 0) -> list[str]:
    """Return `count` texts at even steps from the first to the last, in a seeded order.

    Each is a string of its own, as a caller's are, also where a text comes twice.
    """
    places = np.linspace(0, len(texts) - 1, count).round().astype(int)
    drawn = [f"{at} {texts[place]}" for at, place in enumerate(places)]
    random.Random(seed).shuffle(drawn)
    return drawn
