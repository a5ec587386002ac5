"""Re-batches the rows that continue after an exit, with all that was computed of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondpass.scoring.batches import Batch, balanced_budget, group_by_length

Columns = Mapping[str, NDArray[Any]]

_OF_BATCH = ("input_ids", "attention_mask", "token_type_ids")


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one batch: their places in the input, their tokens without padding, their columns.

    A column is [rows, length, ...] and padded where it holds something for each token, or else
    [rows, 1].
    """

    positions: NDArray[np.intp]
    lengths: NDArray[np.intp]
    columns: Columns

    @classmethod
    def of_batch(cls, batch: Batch) -> Rows:
        """Return a batch as rows."""
        columns = {name: getattr(batch, name) for name in _OF_BATCH}
        lengths = batch.attention_mask.sum(axis=1, dtype=np.intp)
        return cls(batch.positions, lengths, columns)

    @property
    def padded_length(self) -> int:
        """Return how many tokens a row has with its padding."""
        return int(self.columns["attention_mask"].shape[1])

    def with_states(self, states: Columns) -> Rows:
        """Return the rows with what a stage computed of them, in place of what another did."""
        own = {name: self.columns[name] for name in _OF_BATCH}
        return replace(self, columns={**own, **states})


def rebatch(rows: Sequence[Rows], staying: NDArray[np.bool_], *, streams: int) -> list[Rows]:
    """Gather the rows that stay, by length so that padding stays small, in as few batches as fit.

    `staying` goes by the positions in the input. No batch is larger or longer than those given.
    """
    places = [
        (group, row)
        for group in rows
        for row, position in enumerate(group.positions)
        if staying[position]
    ]
    lengths = [int(group.lengths[row]) for group, row in places]
    budget = balanced_budget(
        lengths,
        max_batch_tokens=max((len(one.positions) * one.padded_length for one in rows), default=1),
        streams=streams,
    )
    limit = max((one.padded_length for one in rows), default=1)
    return [
        _gather([places[at] for at in members], length)
        for members, length in group_by_length(lengths, max_batch_tokens=budget, length_limit=limit)
    ]


def _gather(places: Sequence[tuple[Rows, int]], length: int) -> Rows:
    """Return single rows as one batch, padded with zeros to `length`."""
    positions = np.array([group.positions[row] for group, row in places], np.intp)
    lengths = np.array([group.lengths[row] for group, row in places], np.intp)
    columns = {name: _column(name, places, length) for name in places[0][0].columns}
    return Rows(positions, lengths, columns)


def _column(name: str, places: Sequence[tuple[Rows, int]], length: int) -> NDArray[Any]:
    first = places[0][0].columns[name]
    if first.shape[1:] == (1,):
        return np.stack([group.columns[name][row] for group, row in places])
    gathered = np.zeros((len(places), length, *first.shape[2:]), first.dtype)
    for at, (group, row) in enumerate(places):
        tokens = int(group.lengths[row])
        gathered[at, :tokens] = group.columns[name][row, :tokens]
    return gathered
