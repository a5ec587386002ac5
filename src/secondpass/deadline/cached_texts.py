"""Which of a request's texts a score cache can answer: these take next to no time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

# Of a query and texts, whether each text's score is known.
FindKnown = Callable[[str, Sequence[str]], Sequence[bool]]


@dataclass(slots=True)
class CachedTexts:
    """The positions of cached texts among the first `looked_up`; none without `find`."""

    find: FindKnown | None
    query: str
    texts: Sequence[str]
    positions: set[int] = field(default_factory=set)
    looked_up: int = 0

    def lacks(self, stop: int) -> bool:
        """Tell whether some text before `stop` was not looked up yet."""
        return self.find is not None and self.looked_up < min(stop, len(self.texts))

    def look_up(self, stop: int) -> bool:
        """Look up the texts before `stop` that were not yet; True when it is done."""
        assert self.find is not None
        texts = self.texts[self.looked_up : stop]
        known = self.find(self.query, texts)
        self.positions.update(
            position for position, is_known in enumerate(known, self.looked_up) if is_known
        )
        self.looked_up += len(texts)
        return True

    def count(self, start: int, stop: int) -> int:
        """Return how many of the texts [start, stop) are cached."""
        if not self.positions:
            return 0
        return sum(position in self.positions for position in range(start, stop))
