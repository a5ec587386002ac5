"""A text to its sentences, and each sentence to its share of the text's tokens."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from secondpass.scoring.select.choice import token_bounds
from secondpass.scoring.select.sentences import sentence_starts

if TYPE_CHECKING:
    from tokenizers import Encoding


@dataclass(frozen=True)
class Sentences:
    """A text's token ids, and sentence i of it: `texts[i]`, the ids from bounds[i] to bounds[i+1].

    Every token is of one sentence, so that all sentences together are the text.
    """

    texts: tuple[str, ...]
    ids: NDArray[np.int32]
    bounds: NDArray[np.intp]

    @property
    def lengths(self) -> list[int]:
        """Return how many tokens each sentence has."""
        return [int(length) for length in np.diff(self.bounds)]


def sentences_of(text: str, encoding: Encoding) -> Sentences:
    """Return the sentences of a text, given its tokens."""
    starts = sentence_starts(text) if encoding.ids else []
    bounds = token_bounds(encoding, starts) if starts else [0]
    return Sentences(
        texts=tuple(text[start:end] for start, end in pairwise([*starts, len(text)])),
        ids=np.asarray(encoding.ids, np.int32),
        bounds=np.array(bounds, np.intp),
    )
