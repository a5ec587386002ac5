"""Rows of short texts, however many, and a file of them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

from benchmarks.speed.work import QUERIES
from secondpass.demo.stdlib_docs import stdlib_documents

# Some 30 tokens.
CHARACTERS = 140


def make_rows(
    pairs: int, documents: int, characters: int = CHARACTERS, seed: int = 0
) -> Iterator[dict[str, object]]:
    """Yield rows of `documents` beginnings of docstrings each; no two texts are equal."""
    texts = [document.text[:characters] for document in stdlib_documents()]
    choices = random.Random(seed)
    for number in range(-(-pairs // documents)):
        chosen = [f"{number}-{at} {choices.choice(texts)}" for at in range(documents)]
        query = f"{QUERIES[number % len(QUERIES)]} {number}"
        yield {"id": str(number), "query": query, "documents": chosen}


def write_rows(file: Path, pairs: int, documents: int, characters: int = CHARACTERS) -> Path:
    """Write rows as JSON Lines."""
    with file.open("w", encoding="utf-8") as stream:
        for row in make_rows(pairs, documents, characters):
            stream.write(json.dumps(row) + "\n")
    return file
