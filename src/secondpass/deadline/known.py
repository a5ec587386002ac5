"""Which of a call's texts a score cache can answer: these take next to no time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

# Tells of each (queries[i], texts[i]) whether its score is known.
FindKnown = Callable[[Sequence[str], Sequence[str]], Sequence[bool]]


@dataclass(slots=True)
class KnownTexts:
    """The positions of known texts, among the first `asked`; nothing is known without `find`."""

    find: FindKnown | None
    query: str
    texts: Sequence[str]
    positions: set[int] = field(default_factory=set)
    asked: int = 0

    def lacks(self, stop: int) -> bool:
        """Tell whether some text before `stop` was not asked for yet."""
        return self.find is not None and self.asked < min(stop, len(self.texts))

    def ask(self, stop: int) -> bool:
        """Ask for the texts before `stop` that were not asked for yet; True when it is done."""
        assert self.find is not None
        texts = self.texts[self.asked : stop]
        found = self.find([self.query] * len(texts), texts)
        self.positions.update(at for at, known in enumerate(found, start=self.asked) if known)
        self.asked += len(texts)
        return True

    def count(self, start: int, stop: int) -> int:
        """Return how many of the texts [start, stop) are known."""
        return sum(at in self.positions for at in range(start, stop)) if self.positions else 0
