"""The words everyone uses. Imports nothing of ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


# Characters of a text that a repr shows.
_SHOWN = 60


# What a notebook's table has: rows, and characters of a text.
_ROWS = 100
_CELL_SHOWN = 300
# A notebook aligns numbers, and all else, on the right. A text's own direction stays in its cell.
_CELL = '<td dir="auto" style="text-align: start">{}</td>'


class _Brief:
    """A repr of the fields that are not their default, with the beginning of long texts."""

    __slots__ = ()

    def __repr__(self) -> str:
        shown = [
            f"{one.name}={_brief(value)}"
            for one in fields(self)  # type: ignore[arg-type]
            if (value := getattr(self, one.name)) != one.default or one.default is MISSING
        ]
        return f"{type(self).__name__}({', '.join(shown)})"


class _Listed:
    """A repr of counts and the best hit, and a table for notebooks."""

    __slots__ = ()
    hits: tuple[Any, ...]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({_counted(self)})"

    def _repr_html_(self) -> str:
        """Return an HTML table of the first 100 hits, for notebooks; every text is escaped.

        Of a text it has the first 300 characters: a notebook keeps what it shows. It sets no color,
        and so is legible on light and dark.
        """
        import html

        columns, rows = _table(self.hits[:_ROWS])
        head = "".join(f"<th>{name}</th>" for name in columns)
        body = "".join(
            f"<tr>{''.join(_CELL.format(html.escape(_begun(cell))) for cell in row)}</tr>"
            for row in rows
        )
        left_out = len(self.hits) - len(rows)
        shown = f"{_counted(self)}; the first {len(rows)} are shown" if left_out else _counted(self)
        return f"<table><caption>{html.escape(shown)}</caption><tr>{head}</tr>{body}</table>"


@dataclass(frozen=True, slots=True, repr=False)
class Hit(_Brief):
    """One reranked text.

    `index` is its position in the caller's list, `score` the model's score after its activation,
    `truncated` whether part of the text did not fit and was not scored. `fused` is the score by
    which it was ranked where that was not `score`, `logit` the model's output before its
    activation. `tokens` counts the text's tokens that were scored and `dropped_tokens` those that
    were not. `span` is the part [start, end) of `text`, in characters, that its score comes from:
    its best window. None where the text fits one, and for long_documents="truncate" and "select".
    `spans` are the parts of a longer text that "select" scored, in its order; else None.
    `reranked` is False for a text that the budget left unscored: it has no score, and follows those
    that were scored.
    `error` says why a text was skipped, which is not scored either and comes last; else None.
    `exit_layer` is the layer after which the text left by an early exit, 0 for one that left by its
    embeddings, None if it did not leave;
    `scored_by` says which model of a cascade gave the score, None without a cascade.
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
    exit_layer: int | None = None
    scored_by: Literal["first", "second"] | None = None
    spans: tuple[tuple[int, int], ...] | None = None
    error: str | None = None

    @property
    def known_score(self) -> float:
        """Return the score of a text that was scored, as all are in a call without a budget."""
        assert self.score is not None
        return self.score


@dataclass(frozen=True, slots=True, repr=False)
class Timings(_Brief):
    """Wall milliseconds by stage, and what was scored in them.

    `tokenize_ms` text to token ids, cut to fit; `batch_ms` pairs, sorting and padding; `infer_ms`
    the engine; `rank_ms` activation and order; `total_ms` the whole call, so at least their sum.
    `tokens` counts the token ids scored without padding, `truncated` the texts that were cut,
    `dropped` the texts that scored below `min_score` and are in no hit. `windows` counts the
    sequences scored, one a candidate unless long documents are scored in windows; a token that two
    windows share counts twice in `tokens`. `dropped_tokens` counts the texts' tokens that were not
    scored. `reranked` counts the texts that were scored: all `candidates`, unless a budget ended
    before. `exited` counts those that left by an early exit or were scored by a first model alone.
    `cached` counts the texts whose score was known, from a score cache or from an equal text of the
    same call; `cache_ms` is the time the score cache took. `skipped` counts the candidates that
    could not be scored, with on_error="skip", and `query_dropped_tokens` the tokens of the query
    that were cut, with long_query="truncate". `from_states` counts the texts that were not read
    again, but scored from their states.
    """

    tokenize_ms: float = 0.0
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
    skipped: int = 0
    query_dropped_tokens: int = 0
    from_states: int = 0


@dataclass(frozen=True, slots=True, repr=False)
class Ranking(_Listed):
    """The hits, best first, and where the time went. Iterates over its hits."""

    hits: tuple[Hit, ...]
    timings: Timings

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    def __len__(self) -> int:
        return len(self.hits)

    def __getitem__(self, position: int) -> Hit:
        return self.hits[position]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Scores:
    """Every text's numbers in the order of the caller's list: columns of n, and the timings.

    `logits` and `scores` are float32, before and after the model's activation; NaN for a text that
    a budget left unscored. `exit_layer` is the layer after which the text left by an early exit, -1
    if it did not; `scored_by` is 1 or 2, the model of a cascade that gave the score, 0 without a
    cascade. `tokens` and `dropped_tokens` count the text's tokens that were scored and that were
    not. `span` [n, 2] and `spans` are those of `Hit`, -1 and None where it has none.
    """

    logits: NDArray[np.float32]
    scores: NDArray[np.float32]
    exit_layer: NDArray[np.int16]
    scored_by: NDArray[np.int8]
    tokens: NDArray[np.int64]
    dropped_tokens: NDArray[np.int64]
    span: NDArray[np.int32]
    spans: NDArray[np.object_]
    timings: Timings

    def __len__(self) -> int:
        return len(self.scores)

    def __repr__(self) -> str:
        known = [float(score) for score in self.scores[self.scored]]
        between = f", from {min(known):.3f} to {max(known):.3f}" if known else ""
        return (
            f"Scores({len(known)} of {len(self)} texts scored{between}, "
            f"{self.timings.total_ms:.1f} ms)"
        )

    @property
    def scored(self) -> NDArray[np.bool_]:
        """Whether each text was scored, as all are in a call without a budget."""
        # NaN is not equal to itself.
        scored: NDArray[np.bool_] = self.scores == self.scores
        return scored

    @property
    def truncated(self) -> NDArray[np.bool_]:
        """Whether part of each text did not fit and was not scored."""
        return self.dropped_tokens > 0


@dataclass(frozen=True, slots=True, repr=False)
class Document(_Brief):
    """What an index keeps: an id, its text, and any JSON metadata."""

    id: str
    text: str
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, repr=False)
class RetrievedDocument(_Brief):
    """A first-stage result.

    `similarity` is the cosine of query and document, in [-1, 1], and None where no vectors were
    compared. `bm25` is the score by terms, 0 for a document that has none of the query's, and None
    where no terms were searched for. `fused` is the score by which a hybrid search ranked, of both;
    else None.
    """

    id: str
    text: str
    metadata: Mapping[str, Any]
    similarity: float | None
    bm25: float | None = None
    fused: float | None = None

    @property
    def score(self) -> float:
        """The score by which the first stage ranked."""
        score = self.fused
        score = self.similarity if score is None else score
        score = self.bm25 if score is None else score
        assert score is not None
        return score


@dataclass(frozen=True, slots=True, repr=False)
class ModelInfo(_Brief):
    """What a loaded model is and how it runs; enough to name it in a record.

    `revision` is the commit of a hub model. `precision` is what the weights are, "int8" or "fp32",
    `arithmetic` what the device computes in where the graph is not int8, such as "bf16".
    `weights_sha256` is the weight file's hash, `tokenizer_sha256` that of tokenizer.json.
    `activation` is "none" for a bi-encoder: its output is a unit vector, no score. `instruction` is
    what texts are judged by, the caller's or the model's own, empty without one;
    `chat_template_sha256` the hash of the template that they go through, None without one.
    `reason` says why precision and arithmetic are these.
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
    instruction: str = ""
    chat_template_sha256: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class SearchTimings(_Brief):
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


@dataclass(frozen=True, slots=True, repr=False)
class SearchHit(_Brief):
    """One document after both stages; ranks count from 1.

    `first_rank` is the first stage's, `rank` that by `hit.fused` where both stages were fused, else
    by `hit.score`. `hit` says all of the second pass; its `index` is `first_rank` - 1.
    """

    document: RetrievedDocument
    first_rank: int
    rank: int
    hit: Hit

    @property
    def score(self) -> float | None:
        """The second pass's score; None for a document that the budget left unscored."""
        return self.hit.score


@dataclass(frozen=True, slots=True, repr=False)
class SearchResult(_Listed):
    """The hits of a two-stage search, best first, and where the time went."""

    hits: tuple[SearchHit, ...]
    timings: SearchTimings

    def __iter__(self) -> Iterator[SearchHit]:
        return iter(self.hits)

    def __len__(self) -> int:
        return len(self.hits)

    def __getitem__(self, position: int) -> SearchHit:
        return self.hits[position]


def _begun(cell: Any) -> str:
    """Return the beginning of a cell; a first stage of one's own may have an id that is no text."""
    text = str(cell)
    return text if len(text) <= _CELL_SHOWN else f"{text[: _CELL_SHOWN - 3]}..."


def _brief(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, str) and len(value) > _SHOWN:
        return repr(value[: _SHOWN - 3] + "...")
    if isinstance(value, Mapping) and len(repr(value)) > _SHOWN:
        return f"{{{len(value)} fields}}"
    return repr(value)


def _counted(listed: Any) -> str:
    rerank = getattr(listed.timings, "rerank", listed.timings)
    counts = f"{len(listed.hits)} of {rerank.candidates} candidates, "
    counts += f"{listed.timings.total_ms:.1f} ms"
    if not listed.hits:
        return counts
    best = listed.hits[0]
    hit = getattr(best, "hit", best)
    score = "not scored" if hit.score is None else f"{hit.score:.3f}"
    return f"{counts}; best: {score} {_brief(hit.text)}"


def _table(hits: tuple[Any, ...]) -> tuple[list[str], list[list[str]]]:
    """Return the columns and rows of hits, of one stage or of both; ranks count from 1."""
    columns = ["rank", "was", "score", "text"]
    documents = [getattr(one, "document", None) for one in hits]
    inner = [getattr(one, "hit", one) for one in hits]
    fused = any(hit.fused is not None for hit in inner)
    rows = []
    for rank, (hit, document) in enumerate(zip(inner, documents, strict=True), start=1):
        row = [str(rank), str(hit.index + 1), _number(hit.score), hit.text]
        if document is not None:
            row.insert(3, document.id)
        if fused:
            row.insert(2, _number(hit.fused))
        rows.append(row)
    if any(document is not None for document in documents):
        columns.insert(3, "document")
    if fused:
        columns.insert(2, "fused")
    return columns, rows


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
