"""What scores the candidates: the bi-encoder and cross-encoders, as anyone would load them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Protocol

import numpy as np

from benchmarks.quality.task import Scores, Task
from secondpass import CrossEncoderReranker, Embedder, types
from secondpass.evaluation.rerank import candidate_texts, rescore
from secondpass.types import ModelInfo

Advance = Callable[[int], None]


@dataclass(frozen=True)
class Scored:
    """Scores of one task and what they took. A query that was refused has none.

    `tokens` is None for the bi-encoder, which does not count them.
    """

    scores: Scores
    seconds: float
    tokens: int | None = None
    truncated: int | None = None
    refused: Mapping[str, str] = field(default_factory=dict)


class Scorer(Protocol):
    """Scores a task's candidates; `identity` names all that decides the scores."""

    label: str
    kind: str
    info: ModelInfo
    identity: str

    def score(self, task: Task, advance: Advance) -> Scored:
        """Call `advance` with the number of queries just done. Ctrl-C raises."""
        ...


class BiEncoder:
    """The cosine of query and candidate; each text is embedded once."""

    kind = "bi-encoder"

    def __init__(self, label: str, embedder: Embedder) -> None:
        self.label, self._embedder = label, embedder
        self.info = embedder.info
        self.identity = embedder.digest

    def score(self, task: Task, advance: Advance) -> Scored:
        started = perf_counter()
        ids = list(dict.fromkeys(one.document_id for found in task.run.values() for one in found))
        row = {id_: at for at, id_ in enumerate(ids)}
        documents = self._embedder.embed([task.collection.documents[id_] for id_ in ids])
        queries = self._embedder.embed_queries([task.collection.queries[id_] for id_ in task.run])
        scores = {}
        for (query_id, ranked), query in zip(task.run.items(), queries, strict=True):
            candidates = documents[[row[one.document_id] for one in ranked]]
            scores[query_id] = (candidates @ query).astype(np.float64)
            advance(1)
        return Scored(scores, perf_counter() - started)


class CrossEncoder:
    """The model's own output for query and candidate together: logits, no activation."""

    kind = "reranker"

    def __init__(self, label: str, model: str | None = None, **options: Any) -> None:
        """`model` None is the embedded one, with nothing chosen for it."""
        named = () if model is None else (model,)
        self.label = label
        self._reranker = CrossEncoderReranker(*named, activation="identity", **options)
        self.info = self._reranker.info
        decides = ("weights_sha256", "tokenizer_sha256", "precision", "arithmetic", "max_length")
        chosen = sorted((name, str(value)) for name, value in options.items())
        self.identity = repr([*(getattr(self.info, name) for name in decides), chosen])

    def score(self, task: Task, advance: Advance) -> Scored:
        for ranked in task.run.values():
            candidate_texts(task.collection, ranked)
        counting = _Counting(self._reranker)
        started = perf_counter()
        found = rescore(task.collection, task.run, counting, _all(task), advance)
        if not found.complete:
            raise KeyboardInterrupt
        return Scored(
            scores={
                query_id: np.array([one.score for one in scored], np.float64)
                for query_id, scored in found.scores.items()
            },
            seconds=perf_counter() - started,
            tokens=counting.tokens,
            truncated=found.truncated,
            refused=found.refused,
        )


class _Counting:
    """A reranker that adds up the tokens it scored."""

    def __init__(self, reranker: CrossEncoderReranker) -> None:
        self._reranker = reranker
        self.tokens = 0

    def score(self, query: str, texts: list[str]) -> types.Scores:
        scores = self._reranker.score(query, texts)
        self.tokens += scores.timings.tokens
        return scores


def _all(task: Task) -> int:
    return max(map(len, task.run.values()))
