"""Our own format: every number of the library, in the order of the texts.

`secondpass rerank --server` and the page ask by it; what it writes, `scores_of` reads back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta as About

from secondpass.options.call import LongQuery
from secondpass.options.model import Activation
from secondpass.serve.contract import Answer, Job
from secondpass.serve.wire.documents import check_characters, check_count
from secondpass.serve.wire.fields import Options, Positive, default_model, spending
from secondpass.serve.wire.format import Asked, Context, Format
from secondpass.serve.wire.openai_errors import OpenAIError, say
from secondpass.types import Scores, Timings

_SPANS = list[tuple[int, int]]


class NativeRequest(Options):
    """A query and texts to score beside it."""

    query: str
    texts: list[str]
    model: Annotated[str | None, About(description="A name the server has; null is its first.")] = (
        None
    )
    activation: Annotated[Activation | None, About(description="In place of the model's own.")] = (
        None
    )
    max_tokens: Annotated[
        Positive | None, About(description="Most tokens that are read of a text.")
    ] = None
    long_query: Annotated[
        LongQuery | None,
        About(description="What to do with a query that leaves no room for a text."),
    ] = None


class NativeResponse(msgspec.Struct):
    """A row of each list for each text; a score is null where the budget left it unscored.

    The names are those of the library's `Scores`; `span` is [-1, -1] where a text has none.
    """

    model: str
    queue_ms: float
    timings: Timings
    logits: list[float | None]
    scores: list[float | None]
    exit_layer: list[int]
    scored_by: list[int]
    tokens: list[int]
    dropped_tokens: list[int]
    span: _SPANS
    spans: list[_SPANS | None]


def ask(body: NativeRequest, context: Context) -> Asked:
    """Return the job of a request, and what writes its answer."""
    check_count(len(body.texts), "texts", context.options)
    check_characters([body.query], body.texts, context.options)
    job = Job(
        query=body.query,
        texts=body.texts,
        model=default_model(body.model),
        activation=body.activation,
        max_tokens=body.max_tokens,
        instruction=body.instruction,
        long_query=body.long_query or "error",
        **spending(body, context)._asdict(),
    )
    return Asked([job], _write)


def _write(answers: Sequence[Answer]) -> NativeResponse:
    (answer,) = answers
    scores = answer.scores
    return NativeResponse(
        model=answer.model,
        queue_ms=answer.queue_ms,
        timings=scores.timings,
        logits=scores.logits.tolist(),  # NaN is written as null
        scores=scores.scores.tolist(),
        exit_layer=scores.exit_layer.tolist(),
        scored_by=scores.scored_by.tolist(),
        tokens=scores.tokens.tolist(),
        dropped_tokens=scores.dropped_tokens.tolist(),
        span=scores.span.tolist(),
        spans=[None if one is None else list(one) for one in scores.spans],
    )


def scores_of(answer: NativeResponse) -> Scores:
    """Return the scores that an answer was written of."""
    spans = np.full(len(answer.spans), None, np.object_)
    for at, one in enumerate(answer.spans):
        spans[at] = None if one is None else tuple(map(tuple, one))
    return Scores(
        logits=np.array(answer.logits, np.float32),
        scores=np.array(answer.scores, np.float32),
        exit_layer=np.array(answer.exit_layer, np.int16),
        scored_by=np.array(answer.scored_by, np.int8),
        tokens=np.array(answer.tokens, np.int64),
        dropped_tokens=np.array(answer.dropped_tokens, np.int64),
        span=np.array(answer.span, np.int32).reshape(-1, 2),
        spans=spans,
        timings=answer.timings,
    )


FORMAT = Format("secondpass", NativeRequest, NativeResponse, ask, say, OpenAIError)
