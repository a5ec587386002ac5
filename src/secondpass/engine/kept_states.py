"""The states of texts: made once, kept elsewhere, and put to the sequences that they are of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from secondpass.engine.parted import PartedModel
from secondpass.errors import InputError, ModelFileError
from secondpass.models.spec import DIRECTIONS_FILE
from secondpass.scoring.encode import TextEncoder, TokenIds
from secondpass.scoring.passage import Passage, TextFeatures
from secondpass.scoring.sequences import Prepared
from secondpass.scoring.stats import Stats
from secondpass.scoring.tokenized import ids_digest
from secondpass.states.codec import (
    STATES_COMPACT,
    Columns,
    StatePrecision,
    from_columns,
    to_columns,
)
from secondpass.states.compact import Floats

# Of this many texts the states are in memory as floats at a time, of which a token takes 1.5 kB.
TEXTS_AT_A_TIME = 128


class KeptStatesOf:
    """What a parted model keeps of texts, and what it finds kept.

    Args:
        parted: the model.
        encoder: makes token ids of texts.
        most_tokens: how many a text may have, which is read whole then beside the shortest query.
        source: the model's file, for messages.
    """

    def __init__(
        self, parted: PartedModel, encoder: TextEncoder, most_tokens: int, source: Path
    ) -> None:
        self.parted = parted
        self._encoder = encoder
        self._most_tokens = most_tokens
        self._source = source

    def encode(self, texts: Sequence[str], precision: StatePrecision) -> list[Columns | None]:
        """Return each text's states as columns (states/codec.py); None for one that is too long.

        Raises:
            InputError: "compact" is asked for, and the model has no directions.
            ModelFileError: a state is not a number that a float16 holds.
        """
        return [columns for _, _, columns in self._encoded(texts, precision)]

    def passages(self, texts: Sequence[str], precision: StatePrecision) -> list[str]:
        """Return each text with its token ids and states; one that is too long as it is.

        Raises:
            InputError, ModelFileError: as `encode`.
        """
        return [
            text if columns is None else Passage(text, self._features(text, ids, columns))
            for text, ids, columns in self._encoded(texts, precision)
        ]

    def _features(self, text: str, ids: TokenIds, columns: Columns) -> TextFeatures:
        tokenizer = self._encoder.digest
        digest = ids_digest(text, ids, tokenizer)
        return TextFeatures(ids, tokenizer, digest, columns, self.parted.identity)

    def _encoded(
        self, texts: Sequence[str], precision: StatePrecision
    ) -> Iterator[tuple[str, TokenIds, Columns | None]]:
        """Yield each text, its token ids and its states; few are in memory as floats at a time."""
        if precision == "compact" and self.parted.directions is None:
            raise InputError(
                f"{self._source.parent} has no {DIRECTIONS_FILE}, which compact states need: "
                'take "int8" or "float16"'
            )
        for start in range(0, len(texts), TEXTS_AT_A_TIME):
            block = texts[start : start + TEXTS_AT_A_TIME]
            encoded = self._encoder.encode_counted(block, self._most_tokens + 1)
            fits = [one.tokens <= self._most_tokens for one in encoded]
            whole = [one.ids for one, fitting in zip(encoded, fits, strict=True) if fitting]
            states = iter(self.parted.encode(whole))
            for text, one, fitting in zip(block, encoded, fits, strict=True):
                yield text, one.ids, self._kept(next(states), precision, text) if fitting else None

    def _kept(self, states: Floats, precision: StatePrecision, text: str) -> Columns:
        try:
            kept = self.parted.keep(states, precision)
        except ValueError as error:
            raise ModelFileError(
                f"{self._source} gives states that cannot be kept: {error}"
            ) from error
        return to_columns(kept, text, self.parted.identity)

    def brought(self, texts: Sequence[str]) -> list[Columns | None]:
        """Return the states of this model that each text brings.

        Raises:
            InputError: those of a text have other sizes than the model's.
        """
        return [self._brought(text) if isinstance(text, Passage) else None for text in texts]

    def _brought(self, text: Passage) -> Columns | None:
        states = text.states_of(self.parted.identity, self.parted.width)
        if states is not None and STATES_COMPACT in states and self.parted.directions is None:
            return None
        return states

    def with_states(self, prepared: Prepared, kept: Sequence[Columns | None]) -> Prepared:
        """Return a request with the states of the texts that are scored whole.

        A text that is cut beside this query, or chosen from, has other states.
        """
        sequences = list(prepared.sequences)
        windows = np.bincount(prepared.texts, minlength=len(kept))
        for number, text in enumerate(prepared.texts.tolist()):
            columns = kept[text]
            if columns is None or windows[text] > 1 or prepared.dropped_tokens[text]:
                continue
            states = from_columns(columns, self.parted.width, self.parted.directions)
            if len(states) == len(sequences[number].text) + self.parted.sides.of_text:
                sequences[number] = sequences[number]._replace(states=states)
        found = sum(one.states is not None for one in sequences)
        stats = prepared.stats + Stats(from_states=found)
        return replace(prepared, sequences=sequences, stats=stats)
