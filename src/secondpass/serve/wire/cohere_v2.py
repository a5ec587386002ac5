"""Cohere's `/v2/rerank`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType
from msgspec import Meta as About

from secondpass.serve.contract import Answer, Job
from secondpass.serve.wire.cohere import EMPTY, CohereError, CohereMeta, say
from secondpass.serve.wire.documents import Document, check_characters, check_count, texts_of
from secondpass.serve.wire.fields import Options, Positive, default_model, spending
from secondpass.serve.wire.format import Asked, Context, Format
from secondpass.serve.wire.results import Reranked, Span, mark, placed, spans_of


class RelevantSpans(msgspec.Struct):
    """Whether and how the parts of a document are given that its score comes from."""

    mode: Literal["enabled", "disabled"] | None = None
    threshold: Annotated[
        Annotated[float, About(ge=0, le=1)] | None,
        About(description="A span has to score more. By default 0.1."),
    ] = None
    max_spans: Annotated[Positive | None, About(description="Most spans of a document.")] = None


class CohereV2Request(Options):
    """A query and documents to rank by it."""

    query: str
    documents: Annotated[list[Document], About(description="Texts, or objects with a `text`.")]
    model: Annotated[str | None, About(description="A name the server has; null is its first.")] = (
        None
    )
    top_n: Annotated[Positive | None, About(description="How many are returned; null is all.")] = (
        None
    )
    max_tokens_per_doc: Annotated[
        Positive | None, About(description="Most tokens that are read of a document.")
    ] = None
    relevant_spans: RelevantSpans | None = None


class CohereV2Result(msgspec.Struct):
    """A document's place. `reranked` is given, as false, where the budget left it unscored."""

    index: int
    relevance_score: float
    relevant_spans: list[Span] | UnsetType = UNSET
    reranked: Reranked = UNSET


class CohereV2Response(msgspec.Struct):
    """The documents, best first."""

    id: str
    results: list[CohereV2Result]
    meta: CohereMeta


def ask(body: CohereV2Request, context: Context) -> Asked:
    """Return the job of a request, and what writes its answer."""
    check_count(len(body.documents), "documents", context.options, EMPTY)
    texts = texts_of(body.documents)
    check_characters([body.query], texts, context.options)
    asked = body.relevant_spans
    spans = asked if asked is not None and asked.mode == "enabled" else None
    job = Job(
        query=body.query,
        texts=texts,
        model=default_model(body.model),
        activation="sigmoid",
        max_tokens=body.max_tokens_per_doc,
        instruction=body.instruction,
        **spending(body, context)._asdict(),
    )

    def write(answers: Sequence[Answer]) -> CohereV2Response:
        (answer,) = answers
        results = [
            CohereV2Result(
                one.at,
                one.score,
                _spans(answer, one.at, texts, spans),
                mark(one.reranked),
            )
            for one in placed(answer, body.top_n)
        ]
        return CohereV2Response(
            context.request_id, results, CohereMeta.of("2", answers, context.warnings)
        )

    return Asked([job], write)


def _spans(
    answer: Answer, at: int, texts: Sequence[str], asked: RelevantSpans | None
) -> list[Span] | UnsetType:
    if asked is None:
        return UNSET
    threshold = 0.1 if asked.threshold is None else asked.threshold
    return spans_of(answer, at, texts[at], threshold, asked.max_spans) or UNSET


FORMAT = Format("cohere-v2", CohereV2Request, CohereV2Response, ask, say, CohereError)
