"""Which sentences of a text are selected, within a budget of tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import pairwise

import numpy as np

from secondpass.scoring.cuts import TextTokens
from secondpass.scoring.select.nearness import nearness
from secondpass.scoring.select.sentences import sentence_starts


def chosen(lengths: Sequence[int], merits: Sequence[float], budget: int) -> list[tuple[int, int]]:
    """Return (sentence, tokens of it that are kept), in the order of the text.

    The best come first, of equal ones the earlier, until the budget is used; the one that does not
    fit is cut. So every choice keeps as much as truncation to the same budget, and is truncation
    where all merits are equal.

    >>> chosen([4, 4, 4], [0, 1, 2], 6)
    [(1, 2), (2, 4)]
    """
    taken: dict[int, int] = {}
    left = budget
    for at in sorted(range(len(lengths)), key=lambda at: (-merits[at], at)):
        taken[at] = min(lengths[at], left)
        left -= taken[at]
        if not left:
            break
    return sorted((at, tokens) for at, tokens in taken.items() if tokens)


def choose(
    words: AbstractSet[str], text: str, encoding: TextTokens, budget: int
) -> list[tuple[int, int]]:
    """Return the tokens [start, stop) of `text` that are kept beside a query of these words.

    The runs are in order and no two touch: neighbouring sentences are one.
    """
    starts = sentence_starts(text)
    bounds = token_bounds(encoding, starts)
    sentences = [text[start:end] for start, end in pairwise([*starts, len(text)])]
    taken = chosen(np.diff(bounds).tolist(), nearness(words, sentences), budget)
    return list(_runs((bounds[at], bounds[at] + tokens) for at, tokens in taken))


def token_bounds(encoding: TextTokens, starts: Sequence[int]) -> list[int]:
    """Return each sentence's first token, and one past the last: every token is of one sentence.

    A token is of the sentence in which it ends: some tokenizers' begin with the space before.
    """
    # A normalizer may put marks in another order.
    ends = np.maximum.accumulate(np.array([end for _, end in encoding.offsets], np.int64))
    inner = np.searchsorted(ends, starts[1:], side="right")
    return [0, *inner.tolist(), len(ends)]


def _runs(parts: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the parts, those that touch as one."""
    run: tuple[int, int] | None = None
    for start, stop in parts:
        if run is not None and start == run[1]:
            run = run[0], stop
            continue
        if run is not None:
            yield run
        run = start, stop
    if run is not None:
        yield run
