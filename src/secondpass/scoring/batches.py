"""Sequences to padded batches sorted by token count, and the inverse: rows back to input order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondpass.scoring.pairs import Pair

# Padding to a multiple keeps the number of different shapes, each compiled once, small.
LENGTH_MULTIPLE = 16


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded sequences, int32 [rows, length] each; `positions` are their places in the input."""

    positions: NDArray[np.intp]
    input_ids: NDArray[np.int32]
    attention_mask: NDArray[np.int32]
    token_type_ids: NDArray[np.int32]


def make_batches(
    pairs: Sequence[Pair], *, max_batch_tokens: int, padding_id: int, length_limit: int
) -> list[Batch]:
    """Group pairs of like length, longest first, into batches of at most `max_batch_tokens`.

    The budget counts padded tokens (rows times length). A sequence longer than the budget makes a
    batch of its own. Equal lengths keep the input's order, so equal input gives equal batches.
    """
    groups = group_by_length(
        [len(pair.ids) for pair in pairs],
        max_batch_tokens=max_batch_tokens,
        length_limit=length_limit,
    )
    return [_pad(pairs, rows, length, padding_id) for rows, length in groups]


def group_by_length(
    lengths: Sequence[int], *, max_batch_tokens: int, length_limit: int
) -> Iterator[tuple[NDArray[np.intp], int]]:
    """Yield the positions of each batch `make_batches` makes of so long sequences, and its length.

    >>> [(rows.tolist(), length) for rows, length in group_by_length(
    ...     [3, 40, 30], max_batch_tokens=96, length_limit=512)]
    [([1, 2], 48), ([0], 16)]
    """
    order = np.argsort(-np.asarray(lengths, np.intp), kind="stable")
    start = 0
    while start < len(order):
        length = _padded_length(int(lengths[order[start]]), length_limit)
        rows = order[start : start + max(1, max_batch_tokens // length)]
        yield rows, length
        start += len(rows)


def balanced_budget(lengths: Sequence[int], *, max_batch_tokens: int, streams: int) -> int:
    """Return a token budget that gives every stream of the engine about the same work.

    A few texts would otherwise make one batch and leave the other streams idle. Never more than
    `max_batch_tokens`, and just that where there is plenty to do.
    """
    total = sum(lengths)
    rounds = -(-total // (max_batch_tokens * streams))
    share = total // max(1, rounds * streams)
    return min(max_batch_tokens, share + max(lengths, default=0))


def restore_order(
    batches: Sequence[Batch], rows: Sequence[NDArray[np.float32]]
) -> NDArray[np.float32]:
    """Undo `make_batches`: put each batch's rows back at their positions in the input."""
    restored = np.empty((sum(map(len, rows)), *rows[0].shape[1:]), dtype=np.float32)
    for batch, values in zip(batches, rows, strict=True):
        restored[batch.positions] = values
    return restored


def _padded_length(length: int, length_limit: int) -> int:
    rounded = -(-length // LENGTH_MULTIPLE) * LENGTH_MULTIPLE
    return max(length, min(rounded, length_limit))


def _pad(pairs: Sequence[Pair], rows: NDArray[np.intp], length: int, padding_id: int) -> Batch:
    shape = (len(rows), length)
    input_ids = np.full(shape, padding_id, np.int32)
    attention_mask = np.zeros(shape, np.int32)
    token_type_ids = np.zeros(shape, np.int32)
    for row, position in enumerate(rows):
        pair = pairs[position]
        input_ids[row, : len(pair.ids)] = pair.ids
        attention_mask[row, : len(pair.ids)] = 1
        token_type_ids[row, : len(pair.ids)] = pair.types
    return Batch(rows, input_ids, attention_mask, token_type_ids)
