"""What all texts of a query begin with, for an engine that computes it once.

A token of a decoder sees only those before it, so what it computes of a prefix is the same in every
sequence that begins with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from secondpass.engine.contract import Batch, Policy
from secondpass.scoring.batches import balanced, group_by_length, pad_batch, padded_length
from secondpass.scoring.encode import TokenIds
from secondpass.scoring.pairs import Pair

# A run of its own for a prefix is worth as many tokens as reading all weights takes the time of.
LEAST_SAVED = 64
# The keys and values of a batch, its prefix counted in each row, are those of this many times the
# tokens that it computes: they take far less memory than what is computed of a token.
MOST_SEEN = 8


def prefix_batches(
    pairs: Sequence[Pair],
    requests: NDArray[np.intp],
    policy: Policy,
    *,
    padding_id: int,
    length_limit: int,
) -> list[Batch]:
    """Return padded batches, of which each holds the sequences of one prefix or whole ones.

    `requests` [pairs] are the numbers of the requests that the pairs belong to. A request's prefix
    is what all its pairs have in common of the tokens before their texts. The batches give every
    stream of the engine about the same work.
    """
    groups = list(_groups(pairs, requests, policy.streams, padding_id))
    left = [
        padded_length(len(pairs[at].ids) - len(prefix), policy.length_multiple, length_limit)
        for rows, prefix in groups
        for at in rows
    ]
    fitting = balanced(policy, left)
    batches: list[Batch] = []
    for rows, prefix in groups:
        start = len(prefix)
        parts = [Pair(pairs[at].ids[start:], pairs[at].types[start:]) for at in rows]
        lengths = [len(part.ids) for part in parts]
        for some, length in group_by_length(lengths, fitting, length_limit=length_limit - start):
            fit = max(1, MOST_SEEN * policy.max_tokens // (start + length))
            for at in range(0, len(some), fit):
                one = pad_batch(parts, some[at : at + fit], length, padding_id)
                whose = rows[one.positions]
                batches.append(replace(one, positions=whose, prefix=prefix if start else None))
    return batches


def _groups(
    pairs: Sequence[Pair], requests: NDArray[np.intp], streams: int, padding_id: int
) -> Iterator[tuple[NDArray[np.intp], TokenIds]]:
    """Yield the positions of pairs and what they begin with; those that share nothing come last."""
    whole: list[NDArray[np.intp]] = []
    for request in sorted(set(requests.tolist())):
        rows = np.flatnonzero(requests == request)
        prefix = common_prefix([pairs[at] for at in rows.tolist()], padding_id)
        # A prefix is computed by one stream, while the others wait.
        if (len(rows) - streams) * len(prefix) >= LEAST_SAVED:
            yield rows, prefix
        else:
            whole.append(rows)
    if whole:
        yield np.concatenate(whole), np.zeros(0, np.int32)


def common_prefix(pairs: Sequence[Pair], padding_id: int) -> TokenIds:
    """Return the tokens before the texts that all pairs have in common.

    Behind it each pair has a token that is not the padding's: the last one of these is scored.

    >>> ids = np.array([[5, 6, 7, 8], [5, 6, 9, 1]])
    >>> common_prefix([Pair(row, 0 * row, head=3) for row in ids], padding_id=0)
    array([5, 6])
    """
    first = pairs[0].ids
    shared = len(first)
    for pair in pairs:
        words = np.flatnonzero(pair.ids != padding_id)
        shared = min(shared, pair.head, int(words[-1]) if len(words) else 0)
        apart = np.flatnonzero(pair.ids[:shared] != first[:shared])
        shared = int(apart[0]) if len(apart) else shared
    return first[:shared]
