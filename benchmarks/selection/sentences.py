"""A text to its sentences, and each sentence to its share of the text's tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tokenizers import Encoding

# After a full stop with a space, an ideographic one without, and a blank line.
_END = re.compile(r"[.!?…]+[\"'”’»)\]]*\s+|[。！？]+[”’」』）]*|\n\s*\n")


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


def starts_of(text: str) -> list[int]:
    """Return where sentences begin, in characters; none in a text without any.

    A full stop before a lower-case word ends nothing ("e.g. this"), unless a space stands before
    it, too: some collections are written so, in lower case throughout.

    >>> starts_of("One. Two, e.g. this! three . four")
    [0, 5, 29]
    """
    if not text.strip():
        return []
    starts = [0]
    for end in _END.finditer(text):
        following = text[end.end() : end.end() + 1]
        spaced = end.start() > 0 and text[end.start() - 1].isspace()
        if following and (spaced or not following.islower() or "\n" in end[0]):
            starts.append(end.end())
    return starts


def sentences_of(text: str, encoding: Encoding) -> Sentences:
    """Return the sentences of a text, given its tokens."""
    starts = starts_of(text) if encoding.ids else []
    bounds = np.searchsorted([start for start, _ in encoding.offsets], [*starts, len(text) + 1])
    bounds[0] = 0  # whatever stands before the first token
    return Sentences(
        texts=tuple(text[start:end] for start, end in pairwise([*starts, len(text)])),
        ids=np.asarray(encoding.ids, np.int32),
        bounds=bounds,
    )
