"""The body with `documents`: Cohere's `/v1/rerank`, Jina's, and those made after them.

Jina's clients read `usage`, Cohere's `meta`: an answer has both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType
from msgspec import Meta as About

from secondpass.serve.contract import Answer, Job
from secondpass.serve.wire.cohere import EMPTY, CohereError, CohereMeta, say
from secondpass.serve.wire.documents import (
    Document,
    as_object,
    check_characters,
    check_count,
    query_text,
    texts_of,
)
from secondpass.serve.wire.fields import NotNegative, Options, default_model, spending
from secondpass.serve.wire.format import Asked, Context, Format
from secondpass.serve.wire.results import Reranked, Usage, mark, placed


class CohereV1Request(Options):
    """A query and documents to rank by it."""

    query: Annotated[str | dict[str, Any], About(description="A text, or an object with `text`.")]
    documents: Annotated[
        list[Document], About(description="Texts, or objects with a `text` or the `rank_fields`.")
    ]
    model: Annotated[str | None, About(description="A name the server has; null is its first.")] = (
        None
    )
    top_n: Annotated[
        NotNegative | None, About(description="How many are returned; null and 0 are all.")
    ] = None
    return_documents: Annotated[
        bool | None, About(description="Give the documents back. By default false.")
    ] = None
    rank_fields: Annotated[
        list[str] | None, About(description="The fields of an object that are its text, in order.")
    ] = None
    max_tokens_per_doc: Annotated[
        NotNegative | None,
        About(description="Most tokens that are read of a document; null and 0 are no limit."),
    ] = None
    raw_scores: Annotated[
        bool | None, About(description="The model's logits in place of scores in 0 to 1.")
    ] = None
    use_activation: Annotated[
        bool | None, About(description="vLLM's word: false is `raw_scores`.")
    ] = None


class CohereV1Result(msgspec.Struct):
    """A document's place. `reranked` is given, as false, where the budget left it unscored."""

    index: int
    relevance_score: float
    document: dict[str, Any] | UnsetType = UNSET
    reranked: Reranked = UNSET


class CohereV1Response(msgspec.Struct):
    """The documents, best first."""

    id: str
    object: str
    model: str
    results: list[CohereV1Result]
    usage: Usage
    meta: CohereMeta


def ask(body: CohereV1Request, context: Context) -> Asked:
    """Return the job of a request, and what writes its answer."""
    check_count(len(body.documents), "documents", context.options, EMPTY)
    query, texts = query_text(body.query), texts_of(body.documents, body.rank_fields)
    check_characters([query], texts, context.options)
    raw = bool(body.raw_scores) or body.use_activation is False
    job = Job(
        query=query,
        texts=texts,
        model=default_model(body.model),
        activation="identity" if raw else "sigmoid",
        max_tokens=body.max_tokens_per_doc or None,
        instruction=body.instruction,
        **spending(body, context)._asdict(),
    )

    def write(answers: Sequence[Answer]) -> CohereV1Response:
        (answer,) = answers
        results = [
            CohereV1Result(
                one.at,
                one.score,
                as_object(body.documents[one.at]) if body.return_documents else UNSET,
                mark(one.reranked),
            )
            for one in placed(answer, body.top_n or None)
        ]
        meta = CohereMeta.of("1", answers, context.warnings)
        return CohereV1Response(
            context.request_id, "list", answer.model, results, Usage.of(answers), meta
        )

    return Asked([job], write)


FORMAT = Format("cohere-v1", CohereV1Request, CohereV1Response, ask, say, CohereError)
