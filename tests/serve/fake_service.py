"""A service without a model: the score is the share of the query's words that a text has."""

from dataclasses import replace

import numpy as np

from secondpass.errors import InputError
from secondpass.options.model import RerankerOptions
from secondpass.scoring.scores import plain_scores
from secondpass.serve.contract import (
    Answer,
    Busy,
    Closed,
    DeadlineTooShort,
    Failed,
    ServedModel,
    TookTooLong,
)
from secondpass.serve.models import ModelEntry, ModelNames
from secondpass.testing import FakeReranker, shared_words
from secondpass.types import Timings

# Queries that fail, each by its error.
ERRORS = {
    "busy": Busy(2.5),
    "closed": Closed(),
    "failed": Failed("ScoreError", "the model gave nan for text 0"),
    "slow": TookTooLong(60),
    "input": InputError("query has 600 tokens, expected at most 509: shorten it"),
    "bug": RuntimeError("with the text of a request: secret"),
}


class FakeService:
    """Logits are 4 times the score less 2. A word is a token, a budget's millisecond a text.

    Of a text 8 words are scored; with a `window` its span is its first `window` words.
    """

    def __init__(self, *, window=None, delay=None):
        self.jobs = []
        self._window, self._delay = window, delay
        entries = [ModelEntry("fake", RerankerOptions(), ("rerank-v3.5",))]
        self._names = ModelNames([*entries, ModelEntry("other", RerankerOptions())])

    async def rank(self, job):
        (answer,) = await self.rank_together([job])
        return answer

    async def rank_together(self, jobs):
        self.jobs.extend(jobs)
        if self._delay is not None:
            await self._delay()
        return [self._answer(job) for job in jobs]

    def _answer(self, job):
        name = self._names.find(job.model).name
        if job.query in ERRORS:
            raise ERRORS[job.query]
        count = len(job.texts)
        scored = count if job.budget_ms is None else min(count, int(job.budget_ms))
        if scored < count and job.when_late == "refuse":
            raise DeadlineTooShort(job.budget_ms, count)
        words = [text.split() for text in job.texts]
        most = job.max_tokens or 8
        shares = [shared_words(job.query, " ".join(one[:most])) for one in words]
        column = np.array(shares, np.float32)
        logits = 4 * column - 2
        for values in (column, logits):
            values[scored:] = np.nan
        table = plain_scores(column if job.activation == "sigmoid" else logits, logits=logits)
        lost = np.array([max(0, len(one) - most) for one in words])
        span = np.full((count, 2), -1, np.int32)
        if self._window is not None:
            for at, one in enumerate(words):
                span[at] = 0, len(" ".join(one[: self._window]))
        timings = Timings(
            tokenize_ms=1.0, batch_ms=0.5, infer_ms=8.0, rank_ms=0.5, total_ms=10.0,
            candidates=count, tokens=sum(min(len(one), most) for one in words),
            truncated=int((lost > 0).sum()), dropped_tokens=int(lost.sum()), reranked=scored,
        )  # fmt: skip
        scores = replace(
            table,
            tokens=np.array([min(len(one), most) for one in words]),
            dropped_tokens=lost,
            span=span,
            timings=timings,
        )
        return Answer(name, scores, queue_ms=2.0)

    def models(self):
        first, second = self._names.entries
        return [
            ServedModel(first.name, first.aliases, FakeReranker().info),
            ServedModel(second.name),
        ]

    async def describe(self, name=None):
        self._names.find(name)
        return FakeReranker().info

    def why_not_ready(self):
        return None

    async def __aenter__(self):
        return self

    async def __aexit__(self, kind, error, traceback):
        return None
