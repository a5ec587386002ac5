"""Hard negatives for each question, and what BM25 thinks of every passage it may be trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import bm25s
import numpy as np
from numpy.typing import NDArray

from recipes.embedded.sources import Source

_BM25_DEPTH, _BI_ENCODER_DEPTH = 12, 40
_UNSURE, _QUIET = 0.2, {"stopwords": "en", "show_progress": False}


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


def mine(source: Source, cosines: NDArray[np.float32], mining: Mapping[str, Any]) -> list[Pool]:
    """Return a pool for each question; `cosines` is [questions, passages].

    A passage whose cosine is near the positive's may be a positive nobody marked, so it is left
    out: TopK-PercPos of NV-Retriever (Moreira et al. 2024, arXiv:2407.15831).
    """
    index = bm25s.BM25()
    index.index(bm25s.tokenize(source.passages, **_QUIET), show_progress=False)
    queries = [question.text for question in source.questions]
    depth = min(_BM25_DEPTH, len(source.passages))
    best, _ = index.retrieve(bm25s.tokenize(queries, **_QUIET), k=depth, show_progress=False)
    words = bm25s.tokenize(queries, return_ids=False, **_QUIET)
    positives: dict[str, set[int]] = {}
    for question in source.questions:
        positives.setdefault(question.text, set()).add(question.positive)
    pools = []
    for at, question in enumerate(source.questions):
        own_cosine = cosines[at, question.positive]
        limit = own_cosine * mining["most_of_positive"]
        limit = limit if own_cosine > _UNSURE else mining["cosine_limit"]
        good = positives[question.text]
        nearest = np.argsort(-cosines[at])[:_BI_ENCODER_DEPTH]
        hard, near = (
            [int(x) for x in found if x not in good and cosines[at, x] <= limit][: mining[size]]
            for found, size in ((best[at], "bm25_pool"), (nearest, "bi_encoder_pool"))
        )
        own = [x for x in question.negatives if x not in good]
        scores = index.get_scores(words[at]) if words[at] else np.zeros(len(source.passages))
        top = float(scores.max()) or 1.0
        pool = [question.positive, *own, *hard, *near]
        shares = {x: float(scores[x]) / top for x in pool}
        pools.append(Pool(at, question.positive, own, hard, near, shares))
    return pools
