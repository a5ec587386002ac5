"""What the clients ask: the standard library's docstrings, few or many texts a request."""

from __future__ import annotations

import random
from dataclasses import dataclass

from benchmarks.speed.work import QUERIES
from secondpass.demo.stdlib_docs import stdlib_documents

# Texts of a request: most ask for a page of results, some for many.
SIZES = (1, 2, 5, 10, 20)
# Characters of a text, some 100 tokens.
_CHARACTERS = 400


@dataclass(frozen=True)
class Ask:
    """One request."""

    query: str
    texts: list[str]


def draw(count: int, seed: int, sizes: tuple[int, ...] = SIZES) -> list[Ask]:
    """Return requests of all sizes in equal parts, in no order."""
    chance = random.Random(seed)
    pool = [one.text[:_CHARACTERS] for one in stdlib_documents() if len(one.text) >= _CHARACTERS]
    # Each has a number, so that no text is another's and no cache helps.
    asks = [
        Ask(
            QUERIES[number % len(QUERIES)],
            [f"{number} {text}" for text in chance.sample(pool, sizes[number % len(sizes)])],
        )
        for number in range(count)
    ]
    chance.shuffle(asks)
    return asks
