"""A text with what was computed of it before, so that it is not computed again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from secondpass.checks import kind_of, shortened
from secondpass.errors import InputError
from secondpass.scoring.tokenized import TokenizedText
from secondpass.states.codec import STATES_DIGEST, Columns, are_of, damage


@dataclass(frozen=True, slots=True, eq=False)
class TextFeatures:
    """What was computed of a text, and by what.

    token_ids: all ids of the text without special tokens, integers [n]; None for none.
    tokenizer: the `tokenizer_digest` of what made them.
    ids_digest: their `ids_digest` from when they were made; None where that is now.
    states: the columns that `CrossEncoderReranker.encode_texts` gives; None for none.
    encoder: the `states_identity` of the model that made them.
    """

    token_ids: NDArray[np.integer[Any]] | None = None
    tokenizer: str = ""
    ids_digest: int | None = None
    states: Columns | None = None
    encoder: str = ""

    def __post_init__(self) -> None:
        """Check the kinds."""
        kind_of("tokenizer", self.tokenizer, str, "text, the digest of a tokenizer")
        kind_of("ids_digest", self.ids_digest, (int, np.integer, NoneType), "an integer or None")
        kind_of("states", self.states, (Mapping, NoneType), "columns by their names, or None")
        kind_of("encoder", self.encoder, str, "text, the identity of a model")
        for column in (self.states or {}).values():
            kind_of("states", column, np.ndarray, "columns that are arrays")


class Passage(TokenizedText):
    """A string with what is known of it: its token ids, its states below a model's join, or both.

    `Passage(text, features)` hangs `TextFeatures` on a text. It is a string so that whoever takes
    texts takes it, and whoever has another model sees nothing but the text. Ids and states are
    those of the whole text: `max_length` cuts later.

    Features that were kept elsewhere come with a digest that was made with them. Where it is not
    that of this text and these numbers, they belong to another text, and nobody uses them.
    """

    features: TextFeatures
    _states_are_its_own: bool

    def __new__(cls, text: str, features: TextFeatures) -> Self:
        """Make a string and hang the features on it."""
        kind_of("features", features, TextFeatures, "TextFeatures, what was computed of the text")
        ids = np.empty(0, np.int32) if features.token_ids is None else features.token_ids
        made = super().__new__(cls, text, ids, features.tokenizer, features.ids_digest)
        made.features = features
        made.ids_are_its_own &= features.token_ids is not None
        states = features.states
        made._states_are_its_own = states is not None and are_of(states, text, features.encoder)
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what a copy in another process is made of."""
        return Passage, (str(self), self.features)

    @property
    def states_digest(self) -> int | None:
        """The digest of the states that were made of this text, None where it has none."""
        states = self.features.states
        if states is None or not self._states_are_its_own:
            return None
        return int(states[STATES_DIGEST][0])

    def states_of(self, encoder: str, width: int) -> Columns | None:
        """Return the states if the model with this identity made them of this text, else None.

        Raises:
            InputError: they have other sizes than the model's.
        """
        states = self.features.states
        if states is None or self.states_digest is None or self.features.encoder != encoder:
            return None
        why = damage(states, width)
        if why is not None:
            raise InputError(
                f"the states of the text {shortened(self, 40)} are damaged: {why}; make the index "
                "that they come from anew, or pass plain strings"
            )
        return states


def bring_states(candidates: object) -> bool:
    """Tell whether every candidate, a text or a dict that has one, brings states of its text.

    What can be gone through once only is not looked into: no.
    """
    if not isinstance(candidates, Sequence) or isinstance(candidates, str) or not candidates:
        return False
    return all(map(_brings_states, candidates))


def _brings_states(candidate: object) -> bool:
    texts = candidate.values() if isinstance(candidate, Mapping) else (candidate,)
    return any(isinstance(text, Passage) and text.states_digest is not None for text in texts)
