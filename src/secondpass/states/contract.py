"""What gives texts' states below the join. Imports nothing of ours but the codec."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from secondpass.states.codec import Columns, StatePrecision


@runtime_checkable
class StateEncoder(Protocol):
    """A late-joined cross-encoder: it reads a text once, and every query after that from there."""

    @property
    def states_identity(self) -> str:
        """A digest of all that decides a text's states; see codec.py."""
        ...

    @property
    def states_width(self) -> int:
        """How many numbers a token's state has."""
        ...

    def encode_texts(
        self, texts: Sequence[str], precision: StatePrecision = "int8"
    ) -> list[Columns | None]:
        """Return each text's columns (codec.py), in order; None for a text that is too long.

        A text that has more tokens than fit beside a query of one token is read from the start in
        each call. A text that brings token ids of this model's tokenizer is not tokenized.
        """
        ...
