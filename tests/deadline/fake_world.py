"""A clock that only moves when work is done, and a scorer whose texts cost what a test says."""

from __future__ import annotations

import numpy as np

from secondpass.deadline.scorer import DeadlineScorer
from secondpass.deadline.speed import Speed
from secondpass.scorer import Pricing, score_texts
from secondpass.scoring.scored import Scored
from secondpass.scoring.stats import Stats

BYTE_TOKENS = 0.25


class World:
    """A scorer, its clock, and the runner of its blocks.

    `slowness` maps the number of a scored block to how much slower than usual it is. A text's
    logit is the number of texts that came before it in the call.
    """

    def __init__(
        self, token_ms=0.01, block_ms=0.2, slowness=lambda block: 1.0, most=1024, max_length=512
    ):
        self.time = 0.0
        self.token_ms, self.block_ms, self.slowness = token_ms, block_ms, slowness
        self.most, self.max_length = most, max_length
        self.scored = []  # how many texts each block had that was begun
        self.late = 0
        self.cached = set()  # texts that a score cache knows
        self.numbers = {}  # of each text of a call its position

    def now(self):
        return self.time

    def wait(self, ms):
        self.time += ms / 1000

    def most_texts(self, effort="full"):
        return self.most

    def pricing(self):
        return Pricing(2, self.max_length)

    def prepare(self, query, texts, effort="full"):
        return texts

    def score(self, prepared):
        return [None] * len(prepared)

    def finish(self, texts, logits):
        fresh = [text for text in texts if text not in self.cached]
        tokens = sum(map(self.tokens, fresh))
        tokenize_ms = self.tokenize(texts)
        self.scored.append(len(texts))
        if tokens:
            self.wait(self.block_ms + tokens * self.token_ms * self.slowness(len(self.scored)))
        return Scored.of(
            [self.numbers.get(id(text), 0) for text in texts],
            Stats(tokenize_ms, tokens=tokens, windows=len(texts)),
            cached=np.array([text in self.cached for text in texts], np.bool_),
        )

    def tokenize(self, texts):
        """Take the time to tokenize, which is none, and return it."""
        return 0.0

    def knows(self, query, texts):
        """The cache, which takes a hundredth of a millisecond a text."""
        self.wait(0.01 * len(texts))
        return [text in self.cached for text in texts]

    def run(self, left_ms, work):
        """Run a block; an answer that comes later than that is not waited for."""
        due = self.time + left_ms / 1000
        answer = work()
        if self.time <= due:
            return answer
        self.time = due
        self.late += 1
        return None

    def close(self):
        pass

    def speed(self):
        """Return the speed of this scorer, calibrated."""
        speed = Speed(
            self.pricing(), lambda query, texts: score_texts(self, query, texts), self.now
        )
        speed.calibrate()
        self.scored.clear()
        return speed

    def score_in_time(self, speed, texts, budget_ms, query="q", find_known=None):
        """Return the texts that were scored in time, and the budget."""
        self.numbers = {id(text): number for number, text in enumerate(texts)}
        budget = speed.start(budget_ms)
        scorer = DeadlineScorer(self, speed, budget, self, hits=10, find_known=find_known)
        return score_texts(scorer, query, texts), budget

    @staticmethod
    def tokens(text):
        return max(1, round(BYTE_TOKENS * len(text)))
