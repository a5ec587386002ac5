"""The smallest example: five questions, thirty-two passages, both embedded models, two stages."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from secondpass.bench.observed import reranked, retrieved
from secondpass.models.digest import file_sha256
from secondpass.pipeline import SearchPipeline
from secondpass.reranker import CrossEncoderReranker
from secondpass.retrieval.embedder import Embedder
from secondpass.retrieval.index import Index, store_identity
from secondpass.retrieval.stores.memory import MemoryStore
from secondpass.stats.percentiles import percentile, unsupported
from secondpass.types import Document, SearchResult
from secondpass.verify.outputs import StageOutput
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
    embedder, reranker = Embedder(), CrossEncoderReranker()
    index = Index(MemoryStore(store_identity(embedder)), embedder)
    index.add(Document(passage.id, passage.text) for passage in passages)
    pipeline = SearchPipeline(index, reranker, DEPTH, fuse="none")

    def search() -> list[SearchResult]:
        results = [pipeline.search(question.text, top_k=None) for question in questions]
        advance(1)
        return results

    observed = [
        (question.id, result.hits) for question, result in zip(questions, search(), strict=True)
    ]
    milliseconds = [_milliseconds(result) for _ in range(ROUNDS) for result in search()]
    dense = tuple(retrieved(*one) for one in observed)
    rerank = tuple(reranked(*one) for one in observed)
    return Outcome(
        seed=None,
        models=(
            ModelUse("bi-encoder", embedder.info),
            ModelUse("cross-encoder", reranker.info),
        ),
        data=(DataSource("questions and passages", "package", PATH, file_sha256(FILE)),),
        vectors=Vectors(len(passages), embedder.dimension),
        observed=Observed(
            stages=(
                StageOutput("dense", "bi-encoder", dense),
                StageOutput("rerank", "cross-encoder", rerank, "dense"),
            )
        ),
        latencies=latencies(milliseconds),
    )


def _milliseconds(result: SearchResult) -> dict[str, float]:
    timings = result.timings
    assert timings.embed_ms is not None
    assert timings.search_ms is not None
    return {
        "embed query": timings.embed_ms,
        "vector search": timings.search_ms,
        f"rerank {DEPTH}": timings.rerank.total_ms,
    }


def _read(sort: str) -> list[_Text]:
    with FILE.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [_Text(row[sort], row["text"]) for row in rows if sort in row]


def latencies(milliseconds: Sequence[dict[str, float]]) -> tuple[Latency, ...]:
    """Return P50 and P95 of each step, as far as the number of samples supports them."""
    return tuple(
        Latency(name, f"P{percent}", float(percentile(samples, percent)), len(samples))
        for name in milliseconds[0]
        for samples in [[one[name] for one in milliseconds]]
        for percent in (50, 95)
        if not unsupported(percent, len(samples))
    )
