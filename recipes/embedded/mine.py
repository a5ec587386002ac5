"""Hard negatives for each question, and what BM25 thinks of every passage it may be trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import bm25s
import numpy as np
from numpy.typing import NDArray

from recipes.embedded.sources import Source

_QUIET = {"stopwords": "en", "show_progress": False}
# Shares of the positive's cosine and of cosine itself; see `_limit`.
_MOST_OF_POSITIVE, _UNSURE, _UNSURE_LIMIT = 0.95, 0.2, 0.5
_ABOVE_POSITIVE, _MOST_LIKE_POSITIVE = 0.12, 0.9


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Unit vectors of one source's texts: [passages, width] and [questions, width]."""

    passages: NDArray[np.float32]
    questions: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Pool:
    """What a question's group is drawn from, by number in the source.

    `bm25` is each pool passage's BM25 score over the best in the source.
    """

    question: int
    positive: int
    own: list[int]
    bm25_hard: list[int]
    bi_encoder_hard: list[int]
    bm25: dict[int, float]


def mine(source: Source, embeddings: Embeddings, phase: Mapping[str, Any]) -> list[Pool]:
    """Return a pool for each question; the bi-encoder's vectors are of the source's texts."""
    strict = phase["strict"] or source.strict
    index = bm25s.BM25()
    index.index(bm25s.tokenize(source.passages, **_QUIET), show_progress=False)
    queries = [question.text for question in source.questions]
    depth = min(phase["bm25"]["depth"], len(source.passages))
    best, _ = index.retrieve(bm25s.tokenize(queries, **_QUIET), k=depth, show_progress=False)
    words = bm25s.tokenize(queries, return_ids=False, **_QUIET)
    positives: dict[str, set[int]] = {}
    for question in source.questions:
        positives.setdefault(question.text, set()).add(question.positive)
    pools = []
    for at, question in enumerate(source.questions):
        cosines = embeddings.passages @ embeddings.questions[at]
        nearest = np.argsort(-cosines)[: phase["bi_encoder"]["depth"]]
        good = positives[question.text]
        limit = _limit(cosines[question.positive], strict=strict)
        refused = good if phase["strict"] else good | _repeats(embeddings, question.positive)
        hard, near = (
            [int(x) for x in found if x not in refused and cosines[x] <= limit][: phase[of]["pool"]]
            for found, of in ((best[at], "bm25"), (nearest, "bi_encoder"))
        )
        usable = phase["own_where_titled"] or not source.titled
        own = [x for x in question.negatives if usable and x not in good]
        scores = index.get_scores(words[at]) if words[at] else np.zeros(len(source.passages))
        top = float(scores.max()) or 1.0
        pool = [question.positive, *own, *hard, *near]
        shares = {x: float(scores[x]) / top for x in pool}
        pools.append(Pool(at, question.positive, own, hard, near, shares))
    return pools


def _repeats(embeddings: Embeddings, positive: int) -> set[int]:
    """Return the passages that say much the same as the positive."""
    likeness = embeddings.passages @ embeddings.passages[positive]
    return set(np.flatnonzero(likeness >= _MOST_LIKE_POSITIVE).tolist())


def _limit(positive: float, *, strict: bool) -> float:
    """Return the highest cosine of a negative, from the positive's.

    A passage nearer than that may be a positive nobody marked. The strict limit is TopK-PercPos of
    NV-Retriever (Moreira et al. 2024, arXiv:2407.15831); it leaves only what the bi-encoder has
    right already, so a reranker that is to correct it needs the other one.
    """
    if strict:
        return positive * _MOST_OF_POSITIVE if positive > _UNSURE else _UNSURE_LIMIT
    return positive + _ABOVE_POSITIVE
