"""The candidates: Python's docstrings, short ones and long ones."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from tokenizers import Tokenizer

from benchmarks.speed.work import QUERIES, Work
from secondpass.demo.stdlib_docs import stdlib_documents

# Tokens of a text: from, and below.
LENGTHS: Mapping[str, tuple[int, int]] = {"short": (24, 96), "long": (130, 100_000)}


def lists(
    model: Path, scratch: Path, kinds: Sequence[str], *, rounds: int, depth: int, seed: int
) -> dict[str, Work]:
    """Draw `rounds` lists of `depth` candidates of each kind for a folder of float32 weights."""
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    texts = [document.text for document in stdlib_documents()]
    sizes = [len(encoding.ids) for encoding in tokenizer.encode_batch(texts)]

    def drawn(kind: str) -> Work:
        least, below = LENGTHS[kind]
        chance = random.Random(seed)
        pool = [text for text, size in zip(texts, sizes, strict=True) if least <= size < below]
        return Work(
            model=str(model),
            scratch=str(scratch),
            queries=[QUERIES[at % len(QUERIES)] for at in range(rounds)],
            candidates=[chance.sample(pool, depth) for _ in range(rounds)],
            calibration=[],
        )

    return {kind: drawn(kind) for kind in kinds}
