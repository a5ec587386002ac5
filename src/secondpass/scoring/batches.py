"""Sequences to padded batches sorted by token count, and the inverse: rows back to input order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from secondpass.engine.contract import Batch, Policy
from secondpass.scoring.pairs import Pair


def make_batches(
    pairs: Sequence[Pair], policy: Policy, *, padding_id: int, length_limit: int
) -> list[Batch]:
    """Group pairs of like length, longest first, into batches by an engine's policy.

    A sequence longer than `policy.max_tokens` makes a batch of its own. Equal lengths keep the
    input's order, so equal input gives equal batches.
    """
    groups = group_by_length([len(pair.ids) for pair in pairs], policy, length_limit=length_limit)
    return [pad_batch(pairs, rows, length, padding_id) for rows, length in groups]


def group_by_length(
    lengths: Sequence[int], policy: Policy, *, length_limit: int
) -> Iterator[tuple[NDArray[np.intp], int]]:
    """Yield positions and padded length of each batch `make_batches` builds for these lengths.

    >>> [(rows.tolist(), length) for rows, length in group_by_length(
    ...     [3, 40, 30], Policy(max_tokens=96), length_limit=512)]
    [([1, 2], 48), ([0], 16)]
    """
    order = np.argsort(-np.asarray(lengths, np.intp), kind="stable")
    start = 0
    while start < len(order):
        longest = int(lengths[order[start]])
        length = padded_length(longest, policy.length_multiple, length_limit)
        rows = order[start : start + _rows_that_fit(lengths, order[start:], length, policy)]
        yield rows, length
        start += len(rows)


def balanced(policy: Policy, lengths: Sequence[int]) -> Policy:
    """Return a policy whose batches give every stream of the engine about the same work.

    A few texts would otherwise make one batch and leave the other streams idle. Never more than
    `policy.max_tokens` a batch, and just that where there is plenty to do.
    """
    total = sum(lengths)
    rounds = -(-total // (policy.max_tokens * policy.streams))
    share = total // max(1, rounds * policy.streams)
    return replace(policy, max_tokens=min(policy.max_tokens, share + max(lengths, default=0)))


def restore_order(
    batches: Sequence[Batch], rows: Sequence[NDArray[np.float32]]
) -> NDArray[np.float32]:
    """Undo `make_batches`: put each batch's rows back at their positions in the input."""
    restored = np.empty((sum(map(len, rows)), *rows[0].shape[1:]), dtype=np.float32)
    for batch, values in zip(batches, rows, strict=True):
        restored[batch.positions] = values
    return restored


def padded_length(length: int, multiple: int, limit: int) -> int:
    """Return a length rounded up to a multiple, but to no more than the model's limit.

    >>> padded_length(30, 16, 512), padded_length(510, 16, 511)
    (32, 511)
    """
    return max(length, min(-(-length // multiple) * multiple, limit))


def pad_batch(pairs: Sequence[Pair], rows: NDArray[np.intp], length: int, padding_id: int) -> Batch:
    """Return the pairs at the positions `rows` as one batch, padded to `length` tokens."""
    shape = (len(rows), length)
    input_ids = np.full(shape, padding_id, np.int32)
    attention_mask = np.zeros(shape, np.int32)
    token_type_ids = np.zeros(shape, np.int32)
    lengths = np.array([len(pairs[position].ids) for position in rows], np.intp)
    for row, position in enumerate(rows):
        pair = pairs[position]
        input_ids[row, : len(pair.ids)] = pair.ids
        attention_mask[row, : len(pair.ids)] = 1
        token_type_ids[row, : len(pair.ids)] = pair.types
    columns = {
        "input_ids": input_ids,
        "attention_mask": attention_mask,
        "token_type_ids": token_type_ids,
    }
    return Batch(rows, lengths, columns)


def _rows_that_fit(
    lengths: Sequence[int], order: NDArray[np.intp], length: int, policy: Policy
) -> int:
    """Return how many of the sequences, longest first, a batch takes; at least one."""
    if policy.pads:
        return max(1, policy.max_tokens // length)
    tokens = np.cumsum([lengths[position] for position in order])
    return max(1, int(np.searchsorted(tokens, policy.max_tokens, side="right")))
