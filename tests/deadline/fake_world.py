"""A clock that only moves when work is done, and a model whose texts cost what a test says."""

from __future__ import annotations

import numpy as np

from secondpass.deadline.reader import DeadlineReader
from secondpass.scoring.merging import WINDOW, read_whole
from secondpass.scoring.selection import Scored

BYTE_TOKENS = 0.25


class World:
    """`slowness` maps the number of a scored block to how much slower than usual it is."""

    def __init__(self, token_ms=0.01, block_ms=0.2, slowness=lambda block: 1.0):
        self.time = 0.0
        self.token_ms, self.block_ms, self.slowness = token_ms, block_ms, slowness
        self.scored = []  # (first, past the last) of every block that was begun
        self.late = 0
        self.cached = set()  # texts that a score cache knows

    def now(self):
        return self.time

    def wait(self, ms):
        self.time += ms / 1000

    def score(self, queries, texts, start, clock):
        """A text's score is its number."""
        tokens = sum(self.tokens(text) for text in texts if text not in self.cached)
        self.scored.append((start, start + len(texts)))
        if tokens:
            self.wait(self.block_ms + tokens * self.token_ms * self.slowness(len(self.scored)))
        clock.cached = sum(text in self.cached for text in texts)
        clock.count(len(texts), tokens, 0, windows=len(texts), dropped_tokens=0)
        numbers = np.arange(start, start + len(texts), dtype=np.float32)
        return Scored(numbers, numbers, np.zeros(len(texts), WINDOW), read_whole(len(texts)))

    def knows(self, queries, texts):
        """The cache, which takes a hundredth of a millisecond a text."""
        self.wait(0.01 * len(texts))
        return [text in self.cached for text in texts]

    def within(self, left_ms, work):
        """The guard: an answer that comes later than that is not waited for."""
        due = self.time + left_ms / 1000
        answer = work()
        if self.time <= due:
            return answer
        self.time = due
        self.late += 1
        return None

    def reader(self, **options):
        chosen = {"streams": 2, "max_length": 512, "most_texts": 1024, "guard": self, **options}
        reader = DeadlineReader(**chosen, now=self.now)
        reader.calibrate(self.score)
        self.scored.clear()
        return reader

    @staticmethod
    def tokens(text):
        return max(1, round(BYTE_TOKENS * len(text)))
