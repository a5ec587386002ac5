"""Re-batches the surviving rows after an exit, with all that was computed of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondpass.engine.contract import Batch, Columns, Policy
from secondpass.scoring.batches import balanced, group_by_length

# The columns that every stage may read.
_SEQUENCES = ("input_ids", "attention_mask", "token_type_ids")


def with_states(batch: Batch, states: Columns) -> Batch:
    """Return a batch with the states that a stage computed in place of an earlier stage's."""
    sequences = {name: batch.columns[name] for name in _SEQUENCES}
    return replace(batch, columns={**sequences, **states})


def rebatch(batches: Sequence[Batch], staying: NDArray[np.bool_], policy: Policy) -> list[Batch]:
    """Gather the rows that stay, by length so that padding stays small, in as few batches as fit.

    `staying` goes by the positions in the input. No batch is larger or longer than those given.
    """
    places = [
        (batch, row)
        for batch in batches
        for row, position in enumerate(batch.positions)
        if staying[position]
    ]
    lengths = [int(batch.lengths[row]) for batch, row in places]
    largest = max((len(batch.positions) * batch.padded_length for batch in batches), default=1)
    limit = max((batch.padded_length for batch in batches), default=1)
    fitting = balanced(replace(policy, max_tokens=largest), lengths)
    return [
        _gather([places[place] for place in members], length)
        for members, length in group_by_length(lengths, fitting, length_limit=limit)
    ]


def _gather(places: Sequence[tuple[Batch, int]], length: int) -> Batch:
    """Return single rows as one batch, padded with zeros to `length`."""
    positions = np.array([batch.positions[row] for batch, row in places], np.intp)
    lengths = np.array([batch.lengths[row] for batch, row in places], np.intp)
    columns = {name: _column(name, places, length) for name in places[0][0].columns}
    return Batch(positions, lengths, columns)


def _column(name: str, places: Sequence[tuple[Batch, int]], length: int) -> NDArray[Any]:
    first = places[0][0].columns[name]
    if first.shape[1:] == (1,):
        return np.stack([batch.columns[name][row] for batch, row in places])
    gathered = np.zeros((len(places), length, *first.shape[2:]), first.dtype)
    for place, (batch, row) in enumerate(places):
        tokens = int(batch.lengths[row])
        gathered[place, :tokens] = batch.columns[name][row, :tokens]
    return gathered
