"""The benchmark workload: queries, an index or fixed candidates, and the loaded models."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from secondpass.bench.clock import Clock
from secondpass.bench.stages import FixedCandidates
from secondpass.errors import InputError
from secondpass.jsonl import Where, parse_object, read_filled_lines
from secondpass.models.digest import text_sha256
from secondpass.pipeline import Retriever
from secondpass.reranker import CrossEncoderReranker
from secondpass.retrieval.index import Index
from secondpass.types import ModelInfo

Model = TypeVar("Model")


@dataclass(frozen=True, slots=True)
class Loaded:
    """The models of a run and their load times; without a dense stage there is no embedder."""

    reranker: CrossEncoderReranker
    reranker_load_ms: float
    embedder: ModelInfo | None = None
    embedder_load_ms: float | None = None


def timed_load(load: Callable[[], Model], clock: Clock) -> tuple[Model, float]:
    """Return a model and the milliseconds it took to load."""
    started = clock.now()
    model = load()
    return model, (clock.now() - started) * 1000


@dataclass(frozen=True, slots=True)
class Workload:
    """Queries in the order they are asked, the first stage, and in words where both are from."""

    queries: tuple[str, ...]
    first: Retriever
    queries_from: str
    candidates_from: str
    data_name: str
    data_sha256: str
    vectors: int | None = None
    dimension: int | None = None

    @property
    def dense(self) -> bool:
        """Whether there is a dense stage to compare with."""
        return self.vectors is not None


def index_workload(index: Index, queries_file: str | None, *, seed: int) -> Workload:
    """Ask an index; without a file the queries are first sentences of its own documents."""
    if queries_file is None:
        documents = sorted(index.documents(), key=lambda document: document.id)
        queries = first_sentences(document.text for document in documents)
    else:
        queries = read_queries(queries_file)
    return Workload(
        queries=_shuffled(queries, seed, index.location),
        first=index,
        queries_from=queries_file or f"first sentences of {len(queries)} of its documents",
        candidates_from=f"index {index.location}",
        data_name=Path(index.location).name,
        data_sha256=index.content_sha256(),
        vectors=len(index),
        dimension=index.embedder.dimension,
    )


def candidates_workload(
    texts: Sequence[str], file: str, queries_file: str | None, *, seed: int
) -> Workload:
    """Rerank the same candidates for each query; without a file, for their own first sentences."""
    if not texts:
        raise InputError(f"{file} holds no candidates: there is nothing to rerank")
    queries = first_sentences(texts) if queries_file is None else read_queries(queries_file)
    return Workload(
        queries=_shuffled(queries, seed, file),
        first=FixedCandidates(texts),
        queries_from=queries_file or f"first sentences of {len(queries)} candidates",
        candidates_from=f"{file}, {len(texts)} candidates, the same for each query",
        data_name=Path(file).name,
        data_sha256=text_sha256(json.dumps(list(texts))),
    )


def asked(queries: Sequence[str], count: int) -> tuple[str, ...]:
    """Return `count` queries, begun again from the first where there are fewer."""
    return tuple(queries[at % len(queries)] for at in range(count))


def read_queries(file: str) -> list[str]:
    """Read one query a line, or JSON Lines with "text" or "query".

    Raises:
        InputError: the file cannot be read or a line holds no query; the message names the line.
    """
    queries = [_query(line.strip(), where) for where, line in read_filled_lines(Path(file))]
    if not queries:
        raise InputError(f"{file} holds no queries: give one a line")
    return queries


def first_sentences(texts: Iterable[str]) -> list[str]:
    """Return the first sentence of each text that has one of 4 to 20 words, each once."""
    found = (first_sentence(text) for text in texts)
    return list(dict.fromkeys(sentence for sentence in found if sentence))


def first_sentence(text: str) -> str | None:
    """Return the first line's sentence that reads like a query; a call's signature is none."""
    for line in text.splitlines():
        sentence = re.split(r"(?<=\w)[.?!](?:\s|$)", line.strip())[0]
        if 4 <= len(sentence.split()) <= 20 and "(" not in sentence:
            return sentence.lower()
    return None


def _query(line: str, where: Where) -> str:
    if not line.startswith("{"):
        return line
    row = parse_object(line, f"{where} begins with '{{' but")
    query = row.get("text", row.get("query"))
    if not isinstance(query, str) or not query.strip():
        raise InputError(f'{where} has no query: expected "text" or "query" with a string')
    return query


def _shuffled(queries: Sequence[str], seed: int, source: str) -> tuple[str, ...]:
    if not queries:
        raise InputError(f"no text of {source} begins with a sentence to ask: give --queries FILE")
    return tuple(random.Random(seed).sample(queries, len(queries)))
