"""The smallest example: five questions, thirty-two passages, both embedded models, two stages."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from secondpass.models.digest import file_sha256
from secondpass.pipeline import SearchPipeline
from secondpass.reranker import CrossEncoderReranker
from secondpass.retrieval.embedder import Embedder
from secondpass.retrieval.index import Index, store_identity
from secondpass.retrieval.stores.memory import MemoryStore
from secondpass.stats.percentiles import percentile, unsupported
from secondpass.types import Document
from secondpass.verify.outputs import RankedQuery, StageOutput
from secondpass.verify.record import (
    DataSource,
    Latency,
    ModelUse,
    Observed,
    Outcome,
    Vectors,
)

FILE = Path(__file__).parent / "example.jsonl"
PATH = "secondpass/verify/example.jsonl"

DEPTH = 10
ROUNDS = 20


@dataclass(frozen=True, slots=True)
class _Text:
    id: str
    text: str


def example_rounds() -> int:
    """Return how often `run_example` calls `advance`: the rounds and the one that warms up."""
    return ROUNDS + 1


def run_example(advance: Callable[[int], object] = lambda _: None) -> Outcome:
    """Retrieve and rerank for each question; once for the output, then again for the latencies."""
    questions, passages = _read("query"), _read("passage")
    search = _TwoStages(passages)
    observed = [search.run(question) for question in questions]
    advance(1)
    milliseconds: list[dict[str, float]] = []
    for _ in range(ROUNDS):
        milliseconds.extend(search.run(question).milliseconds for question in questions)
        advance(1)
    return Outcome(
        seed=None,
        models=(
            ModelUse("bi-encoder", search.embedder.info),
            ModelUse("cross-encoder", search.reranker.info),
        ),
        data=(DataSource("questions and passages", "package", PATH, file_sha256(FILE)),),
        vectors=Vectors(len(passages), search.embedder.dimension),
        observed=Observed(
            stages=(
                StageOutput("dense", "bi-encoder", tuple(one.dense for one in observed)),
                StageOutput(
                    "rerank", "cross-encoder", tuple(one.reranked for one in observed), "dense"
                ),
            )
        ),
        latencies=latencies(milliseconds),
    )


@dataclass(frozen=True, slots=True)
class _Searched:
    """Both stages' output for one question, and the milliseconds of each step."""

    dense: RankedQuery
    reranked: RankedQuery
    milliseconds: dict[str, float]


class _TwoStages:
    """The embedded pair over a few passages in memory."""

    def __init__(self, passages: Sequence[_Text]) -> None:
        self.embedder = Embedder()
        self.reranker = CrossEncoderReranker()
        index = Index(MemoryStore(store_identity(self.embedder)), self.embedder)
        index.add(Document(passage.id, passage.text) for passage in passages)
        self._pipeline = SearchPipeline(index, self.reranker, DEPTH)

    def run(self, question: _Text) -> _Searched:
        result = self._pipeline.search(question.text, top_k=None)
        nearest = sorted(result, key=lambda hit: hit.first_rank)
        timings = result.timings
        assert timings.embed_ms is not None
        assert timings.search_ms is not None
        return _Searched(
            _ranked(question, [(hit.document.id, hit.document.similarity) for hit in nearest]),
            _ranked(
                question,
                [(hit.document.id, hit.score) for hit in result if hit.score is not None],
            ),
            {
                "embed query": timings.embed_ms,
                "vector search": timings.search_ms,
                f"rerank {DEPTH}": timings.rerank.total_ms,
            },
        )


def _read(sort: str) -> list[_Text]:
    with FILE.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [_Text(row[sort], row["text"]) for row in rows if sort in row]


def _ranked(question: _Text, scored: Sequence[tuple[str, float]]) -> RankedQuery:
    return RankedQuery(
        question.id, tuple(id_ for id_, _ in scored), tuple(float(score) for _, score in scored)
    )


def latencies(milliseconds: Sequence[dict[str, float]]) -> tuple[Latency, ...]:
    """Return P50 and P95 of each step, as far as the number of samples supports them."""
    return tuple(
        Latency(name, f"P{percent}", float(percentile(samples, percent)), len(samples))
        for name in milliseconds[0]
        for samples in [[one[name] for one in milliseconds]]
        for percent in (50, 95)
        if not unsupported(percent, len(samples))
    )
