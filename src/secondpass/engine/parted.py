"""Scores rows from their states at the join: late interaction first, then the layers above it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from secondpass.engine.contract import NO_EXIT, Join, JoinedBatch, Policy, Staged
from secondpass.scoring.batches import balanced, group_by_length, make_batches
from secondpass.scoring.effort import Schedule
from secondpass.scoring.encode import TokenIds
from secondpass.scoring.exits import going_on
from secondpass.scoring.pairs import Pair, Sides
from secondpass.scoring.sequences import Owners, TokenSequence
from secondpass.states.codec import VERSION, KeptStates, StatePrecision, encode
from secondpass.states.compact import Directions, Floats
from secondpass.states.late_interaction import LateInteraction


class PartedModel:
    """A late-joined model that begins at the join where a text's states are there.

    Args:
        join: the engine's two parts.
        sides: the special tokens of each side.
        policy: the batches that the engine wants.
        padding_id: the token id to pad with.
        max_length: the most tokens of a sequence.
        tokenizer: gives the digest of the tokenizer.
        directions: gives the directions of compact states, None where the model has none.
    """

    def __init__(
        self,
        join: Join,
        sides: Sides,
        policy: Policy,
        *,
        padding_id: int,
        max_length: int,
        tokenizer: Callable[[], str],
        directions: Callable[[], Directions | None] = lambda: None,
    ) -> None:
        self.sides = sides
        self._join = join
        self._policy = policy
        self._padding_id = padding_id
        self._max_length = max_length
        self._tokenizer = tokenizer
        self._directions = directions

    @property
    def layer(self) -> int:
        """After how many layers query and text meet."""
        return self._join.layer

    @property
    def exits_at_join(self) -> bool:
        """Tell whether the score at the join can stand beside the model's own logits."""
        return self._join.head.line is not None

    @property
    def state_bytes(self) -> int:
        """Return what one token's state takes in memory as it is computed."""
        return 4 * self.width

    @property
    def width(self) -> int:
        """How many numbers a state has."""
        return self._join.width

    @cached_property
    def identity(self) -> str:
        """A digest of all that decides a text's states; see states/codec.py."""
        special = [ids.tolist() for ids in self.sides]
        own = [] if self.directions is None else [self.directions.digest]
        rules = (self._join.digest, self._tokenizer(), special, VERSION, *own)
        return sha256(repr(rules).encode()).hexdigest()

    @cached_property
    def directions(self) -> Directions | None:
        """The directions of compact states; None for a model that has none."""
        return self._directions()

    @cached_property
    def interaction(self) -> LateInteraction:
        """Return the score at the join."""
        return LateInteraction(self._join.head)

    def measure(self, states: Floats) -> Floats:
        """Return the lengths [n + 1] that late interaction divides states [n, width] by."""
        return self.interaction.measure(states, self._join.lengths)

    def keep(self, states: Floats, precision: StatePrecision) -> KeptStates:
        """Return states [n, width] of a text as they are kept; "compact" needs directions.

        Raises:
            ValueError: a state is not a number that a float16 holds.
        """
        products = self._join.exact_products
        return encode(states, precision, self.measure, self.directions, products)

    def encode(self, texts: Sequence[TokenIds]) -> list[Floats]:
        """Return the states of each text's side: float32 [its tokens, width]."""
        return self._below([self.sides.text(ids) for ids in texts])

    def run(self, sequences: Sequence[TokenSequence], schedule: Schedule, owners: Owners) -> Staged:
        """Return a logit for each row in input order.

        Of a schedule, whose one exit is at the join, those that do not go on have the score there.
        The texts that bring no states are encoded first.
        """
        queries, texts = self._states(sequences, owners.groups)
        early = np.empty(len(sequences), np.float32)
        for group, query in queries.items():
            rows = np.flatnonzero(owners.groups == group).tolist()
            asked = self.interaction.ask(query)
            of_group = [texts[row] for row in rows]
            early[rows] = self.interaction.scores(asked, of_group, self._join.products)
        staged = Staged(self.interaction.on_logits(early), np.full(len(early), NO_EXIT, np.int16))
        going = np.ones(len(early), np.bool_)
        for exit_ in schedule:
            going = going_on(staged.logits, owners, exit_)
            staged.exit_layer[~going] = exit_.layers
        rows = np.flatnonzero(going).tolist()
        decoded = self._decoded([texts[row] for row in rows])
        of_rows = [
            (queries[int(owners.groups[row])], text)
            for row, text in zip(rows, decoded, strict=True)
        ]
        staged.logits[rows] = self._above(of_rows, early[rows])
        return staged

    def _states(
        self, sequences: Sequence[TokenSequence], groups: NDArray[np.intp]
    ) -> tuple[dict[int, Floats], list[KeptStates]]:
        """Return the states of each group's query, by its number, and those of each text."""
        firsts = {int(groups[row]): row for row in reversed(range(len(groups)))}
        fresh = [one.text for one in sequences if one.states is None]
        asked = [self.sides.query(sequences[row].query) for row in firsts.values()]
        states = self._below([*asked, *(self.sides.text(ids) for ids in fresh)])
        queries = dict(zip(firsts, states, strict=False))
        made = iter(states[len(firsts) :])
        texts = [
            self._unkept(next(made)) if one.states is None else one.states for one in sequences
        ]
        return queries, texts

    def _unkept(self, states: Floats) -> KeptStates:
        return KeptStates(states, np.ones(len(states), np.float32), self.measure(states))

    def _decoded(self, texts: Sequence[KeptStates]) -> list[KeptStates]:
        """Return the texts with every state as numbers times a scale: compact ones are decoded."""
        coded = [text for text in texts if text.directions is not None]
        if not coded:
            return list(texts)
        values, scales = (
            np.concatenate([getattr(text, name) for text in coded]) for name in ("values", "scales")
        )
        assert self.directions is not None
        states = self._join.decode(values, scales, self.directions)
        parts = iter(np.split(states, np.cumsum([len(text) for text in coded])[:-1]))
        return [
            text
            if text.directions is None
            else KeptStates(next(parts), np.ones(len(text), np.float32), text.lengths)
            for text in texts
        ]

    def _below(self, sides: Sequence[Pair]) -> list[Floats]:
        """Return the states of each side."""
        policy = balanced(self._policy, [len(side.ids) for side in sides])
        batches = make_batches(
            sides, policy, padding_id=self._padding_id, length_limit=self._max_length
        )
        states: list[Floats] = [np.empty((0, self.width), np.float32)] * len(sides)
        for batch, output in zip(batches, self._join.below(batches), strict=True):
            for row, position in enumerate(batch.positions.tolist()):
                states[position] = output[row, : batch.lengths[row]]
        return states

    def _above(self, rows: Sequence[tuple[Floats, KeptStates]], early: Floats) -> Floats:
        """Return the logits of rows of a query's and a text's states."""
        logits = np.empty(len(rows), np.float32)
        lengths = [len(query) + len(text) for query, text in rows]
        policy = balanced(self._policy, lengths)
        groups = list(group_by_length(lengths, policy, length_limit=self._max_length))

        def batches() -> Iterator[JoinedBatch]:
            for positions, length in groups:
                of_batch = [rows[position] for position in positions.tolist()]
                yield joined_batch(of_batch, early[positions], length)

        for (positions, _), output in zip(groups, self._join.above(batches()), strict=True):
            logits[positions] = output
        return logits


def joined_batch(
    rows: Sequence[tuple[Floats, KeptStates]], early: Floats, length: int
) -> JoinedBatch:
    """Return rows of a query's and a text's states, padded to `length` tokens."""
    width = rows[0][0].shape[1]
    states = np.empty((len(rows), length, width), np.float32)
    masks = np.zeros((2, len(rows), length), np.int32)
    for row, (query, text) in enumerate(rows):
        begin, end = len(query), len(query) + len(text)
        states[row, :begin] = query
        states[row, begin:end] = text.values
        states[row, begin:end] *= text.scales[:, None]
        states[row, end:] = 0
        masks[0, row, :end] = 1
        masks[1, row, begin:end] = 1
    return JoinedBatch(states, early[:, None], masks[0], masks[1])
