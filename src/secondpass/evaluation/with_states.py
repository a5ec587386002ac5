"""A second pass that is given each text's states, as a search in an index that keeps them does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from cachetools import LRUCache

from secondpass.scoring.passage import Passage
from secondpass.states.codec import StatePrecision, bytes_of
from secondpass.types import ModelInfo, Scores

# What is let go is encoded again: a collection may have more candidates than fit in memory.
MOST_BYTES = 1 << 30


class PassageReranker(Protocol):
    """A late-joined second pass, such as `CrossEncoderReranker`."""

    @property
    def info(self) -> ModelInfo:
        """What is loaded."""
        ...

    def passages(self, texts: list[str], precision: StatePrecision = "int8") -> list[str]:
        """Return the texts with their states."""
        ...

    def score(self, query: str, texts: list[str]) -> Scores:
        """Return every text's numbers, in the order of the texts."""
        ...


class WithStates:
    """Scores texts from their states; making these, once a text, is not in the times.

    Args:
        reranker: the second pass.
        precision: how the states are kept.
        most_bytes: of states in memory.
    """

    def __init__(
        self, reranker: PassageReranker, precision: StatePrecision, most_bytes: int = MOST_BYTES
    ) -> None:
        self._reranker = reranker
        self._precision = precision
        self._kept: LRUCache[str, str] = LRUCache(most_bytes, getsizeof=_bytes)

    @property
    def info(self) -> ModelInfo:
        """What is loaded."""
        return self._reranker.info

    def score(self, query: str, texts: Sequence[str]) -> Scores:
        """Return every text's numbers, in the order of the texts."""
        known = {text: self._kept[text] for text in texts if text in self._kept}
        new = [text for text in dict.fromkeys(texts) if text not in known]
        for text, passage in zip(new, self._reranker.passages(new, self._precision), strict=True):
            known[text] = passage
            if _bytes(passage) <= self._kept.maxsize:
                self._kept[text] = passage
        return self._reranker.score(query, [known[text] for text in texts])


def _bytes(text: str) -> int:
    states = text.features.states if isinstance(text, Passage) else None
    return len(text) + (0 if states is None else bytes_of(states))
