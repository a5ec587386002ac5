"""For tests of code that reranks: a reranker without a model, whose scores are what a test says.

from secondpass.testing import FakeReranker

pipeline = SearchPipeline(index, FakeReranker())
pipeline = SearchPipeline(index, FakeReranker(lambda query, text: -len(text)))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondpass.options.call import RankOptions
from secondpass.options.fusion import Fuse
from secondpass.scoring.candidates import (
    candidate_text,
    checked_pairs,
    checked_query,
    checked_text,
    checked_texts,
    with_scores,
)
from secondpass.scoring.first_stage_scores import given_scores
from secondpass.scoring.scores import plain_scores
from secondpass.scoring.selection import select
from secondpass.types import ModelInfo, Ranking, Scores

# Of a query and a text: the score.
Score = Callable[[str, str], float]


def shared_words(query: str, text: str) -> float:
    """Return the share of the query's words that the text has.

    >>> shared_words("read a file", "how to read a csv file"), shared_words("read", "the date")
    (1.0, 0.0)
    """
    words = set(query.lower().split())
    return len(words & set(text.lower().split())) / max(1, len(words))


class FakeReranker:
    """Has the methods and `info` of a reranker, and loads nothing.

    Scores and logits are the same. `calls` notes the query and the texts of each call.

    Args:
        score: of a query and a text; by default the share of the query's words in the text.
        ms_per_text: what a ranking's timings say that each text took.
        on_call: called with query and texts before they are scored: to raise, or to wait.
    """

    def __init__(
        self,
        score: Score = shared_words,
        *,
        ms_per_text: float = 0.0,
        on_call: Callable[[str, Sequence[str]], None] | None = None,
    ) -> None:
        self.calls: list[tuple[str, list[str]]] = []
        self._ms_per_text = ms_per_text
        self._score = score
        self._on_call = on_call

    @property
    def info(self) -> ModelInfo:
        """What would be loaded and how it would run."""
        return ModelInfo(
            name="fake",
            revision=None,
            architecture="fake",
            weights_sha256="0" * 64,
            tokenizer_sha256="0" * 64,
            precision="fp32",
            arithmetic="f32",
            engine="fake",
            device="cpu",
            threads=1,
            max_length=512,
            activation="identity",
        )

    def score(self, query: str, texts: Iterable[str]) -> Scores:
        """Return every text's score, in the order of the texts."""
        checked_query(query)
        given = [
            checked_text(text, f"text {position}")
            for position, text in enumerate(checked_texts(texts))
        ]
        if self._on_call is not None:
            self._on_call(query, given)
        self.calls.append((query, given))
        scores = np.array([self._score(query, text) for text in given], np.float32)
        return plain_scores(scores, total_ms=self._ms_per_text * len(given))

    def rank(
        self,
        query: str,
        texts: Iterable[str],
        top_k: int | None = 10,
        *,
        min_score: float | None = None,
        fuse: Fuse = "none",
        fuse_weight: float | None = None,
        first_stage_scores: Iterable[float] | None = None,
    ) -> Ranking:
        """Return the `top_k` best texts, best first; equal scores keep their order."""
        given = checked_texts(texts)
        options = RankOptions(top_k=top_k, min_score=min_score, fuse=fuse, fuse_weight=fuse_weight)
        first = given_scores(first_stage_scores, len(given), options.fusion())
        scores = self.score(query, given)
        hits, dropped = select(options, given, scores, first)
        return Ranking(hits, replace(scores.timings, dropped=dropped))

    def rank_many(
        self, queries: Iterable[str], texts: Iterable[Iterable[str]], top_k: int | None = 10
    ) -> list[Ranking]:
        """Return a ranking of each query's texts."""
        asked, given = checked_texts(queries, "queries"), checked_texts(texts)
        return [self.rank(*one, top_k) for one in zip(asked, given, strict=True)]

    def rerank(
        self, query: str, candidates: Iterable[Mapping[str, Any]], top_k: int | None = 10
    ) -> list[dict[str, Any]]:
        """Return copies of the `top_k` best candidates with `cross_encoder_score`, best first."""
        given = checked_texts(candidates, "candidates")
        texts = [candidate_text(candidate, position) for position, candidate in enumerate(given)]
        return with_scores(given, self.rank(query, texts, top_k))

    def predict(self, pairs: Iterable[tuple[str, str]]) -> NDArray[np.float32]:
        """Return one score for each (query, text), in input order: float32 [n]."""
        scores = [self._score(query, text) for query, text in checked_pairs(pairs)]
        return np.array(scores, np.float32)
