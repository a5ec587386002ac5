"""The words everyone uses. Imports nothing of ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Hit:
    """One reranked text.

    `index` is its position in the caller's list, `score` the model's score after its activation,
    `truncated` whether part of the text did not fit and was not read. `fused` is the score by which
    it was ranked where that was not `score`, `logit` the model's output before its activation.
    `tokens` counts the text's tokens that were read and `dropped_tokens` those that were not.
    `span` is the part [start, end) of `text`, in characters, that its score comes from: its best
    window. None where the text fits one, and for long_documents="truncate" and "select". `spans`
    are the parts of a longer text that "select" read, in its order; else None.
    `reranked` is False for a text that the budget left unread: it has no score, and follows those
    that were read.
    `layers` is the number of layers after which an early exit let the text go, None if it was read
    whole; `model` is 1 where the score is that of a cascade's first model, else None.
    """

    index: int
    score: float | None
    text: str
    truncated: bool
    fused: float | None = None
    logit: float | None = None
    tokens: int = 0
    dropped_tokens: int = 0
    span: tuple[int, int] | None = None
    reranked: bool = True
    layers: int | None = None
    model: int | None = None
    spans: tuple[tuple[int, int], ...] | None = None

    @property
    def known_score(self) -> float:
        """Return the score of a text that was read, as all are in a call without a budget."""
        assert self.score is not None
        return self.score


@dataclass(frozen=True, slots=True)
class Timings:
    """Wall milliseconds by stage, and what was read in them.

    `tokenise_ms` text to token ids; `batch_ms` pairs, sorting and padding; `infer_ms` the engine;
    `rank_ms` activation and order; `total_ms` the whole call, so at least their sum.
    `tokens` counts the token ids read without padding, `truncated` the texts that were cut,
    `dropped` the texts that scored below `min_score` and are in no hit. `windows` counts the
    sequences scored, one a candidate unless long documents are read in windows; a token that two
    windows share counts twice in `tokens`. `dropped_tokens` counts those of the texts not read.
    `reranked` counts the texts that were read: all `candidates`, unless a budget ended before.
    `exited` counts those that left by an early exit or were read by a first model alone. `cached`
    counts the texts whose score was known, from a score cache or from an equal text of the same
    call; `cache_ms` is the time the score cache took.
    """

    tokenise_ms: float = 0.0
    batch_ms: float = 0.0
    infer_ms: float = 0.0
    rank_ms: float = 0.0
    total_ms: float = 0.0
    candidates: int = 0
    tokens: int = 0
    truncated: int = 0
    dropped: int = 0
    windows: int = 0
    dropped_tokens: int = 0
    reranked: int = 0
    exited: int = 0
    cache_ms: float = 0.0
    cached: int = 0


@dataclass(frozen=True, slots=True)
class Ranking:
    """The hits, best first, and where the time went. Iterates over its hits."""

    hits: tuple[Hit, ...]
    timings: Timings

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    def __len__(self) -> int:
        return len(self.hits)

    def __getitem__(self, position: int) -> Hit:
        return self.hits[position]

    def in_input_order(self) -> tuple[Hit, ...]:
        """Return the hits in the order of the caller's list, without those that are in no hit."""
        return tuple(sorted(self.hits, key=lambda hit: hit.index))


@dataclass(frozen=True, slots=True)
class Document:
    """What an index keeps: an id, its text, and any JSON metadata."""

    id: str
    text: str
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RetrievedDocument:
    """A first-stage result. `similarity` is the cosine of query and document, in [-1, 1]."""

    id: str
    text: str
    metadata: Mapping[str, Any]
    similarity: float


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a loaded model is and how it runs; enough to name it in a record.

    `revision` is the commit of a hub model. `precision` is what the weights are, "int8" or "fp32",
    `arithmetic` what the device computes in where the graph is not int8, such as "bf16".
    `weights_sha256` is the weight file's hash, `tokenizer_sha256` that of tokenizer.json.
    `activation` is "none" for a bi-encoder: its output is a unit vector, no score.
    """

    name: str
    revision: str | None
    architecture: str
    weights_sha256: str
    tokenizer_sha256: str
    precision: str
    arithmetic: str
    engine: str
    device: str
    threads: int
    max_length: int
    activation: str


@dataclass(frozen=True, slots=True)
class SearchTimings:
    """Wall milliseconds of a two-stage search.

    `retrieve_ms` is the first stage: `embed_ms` embeds the query and `search_ms` finds the nearest
    documents, both None for a first stage that does not do these apart. `rerank` holds the stages
    of the second pass; `total_ms` is the whole call.
    """

    retrieve_ms: float
    rerank: Timings
    total_ms: float
    embed_ms: float | None = None
    search_ms: float | None = None


@dataclass(frozen=True, slots=True)
class SearchHit:
    """One document after both stages; ranks count from 1.

    `similarity` and `first_rank` are the first stage's, `score` the second pass's, and `rank` that
    by `fused` where both stages were fused, else by `score`. `truncated`, `tokens`,
    `dropped_tokens`, `span`, `spans`, `layers` and `model` are those of `Hit`. `reranked` is False
    for a document that the budget left unread: it has no score, and follows those that were read.
    """

    document: RetrievedDocument
    first_rank: int
    rank: int
    score: float | None
    truncated: bool
    fused: float | None = None
    tokens: int = 0
    dropped_tokens: int = 0
    span: tuple[int, int] | None = None
    reranked: bool = True
    layers: int | None = None
    model: int | None = None
    spans: tuple[tuple[int, int], ...] | None = None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The hits of a two-stage search, best first, and where the time went."""

    hits: tuple[SearchHit, ...]
    timings: SearchTimings

    def __iter__(self) -> Iterator[SearchHit]:
        return iter(self.hits)

    def __len__(self) -> int:
        return len(self.hits)
