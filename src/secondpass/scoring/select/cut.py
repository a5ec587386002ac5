"""Cuts a long text down to the sentences nearest to the query."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

import numpy as np

from secondpass.scoring.cuts import Cut, TextTokens, span_of
from secondpass.scoring.reading import READ_CHARACTERS, unread_tokens
from secondpass.scoring.select.choice import choose


def select(encoding: TextTokens, text: str, words: AbstractSet[str], budget: int) -> Cut:
    """Keep at most `budget` tokens: the sentences nearest to a query of these words.

    `encoding` is that of what is read of the text; no sentence behind that is chosen.
    """
    ids = np.asarray(encoding.ids, np.int32)
    tokens = len(ids) + unread_tokens(text, READ_CHARACTERS)
    if len(ids) <= budget:
        return Cut([ids], len(ids), tokens - len(ids), [None])
    read = text[:READ_CHARACTERS]
    runs = choose(words, read, encoding, budget)
    kept = np.concatenate([ids[start:stop] for start, stop in runs])
    chosen = tuple(span_of(encoding, read, *run) for run in runs)
    return Cut([kept], len(kept), tokens - len(kept), [None], chosen)
