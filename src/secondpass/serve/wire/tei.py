"""The body with `texts`: the `/rerank` of text-embeddings-inference, whose answer is an array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType
from msgspec import Meta as About

from secondpass.serve.contract import Answer, Job
from secondpass.serve.problems import Problem, Refused
from secondpass.serve.wire.documents import check_characters, check_count
from secondpass.serve.wire.fields import Options, default_model, require, spending
from secondpass.serve.wire.format import Asked, Context, Format
from secondpass.serve.wire.results import Reranked, mark, placed


class TeiRequest(Options):
    """A query and texts to rank by it."""

    query: str
    texts: list[str]
    model: Annotated[str | None, About(description="A name the server has; null is its first.")] = (
        None
    )
    raw_scores: Annotated[
        bool | None, About(description="The model's logits in place of scores in 0 to 1.")
    ] = None
    return_text: Annotated[bool | None, About(description="Give the texts back.")] = None
    truncate: Annotated[
        bool | None, About(description="False refuses a text that does not fit; else it is cut.")
    ] = None
    truncation_direction: Annotated[
        Literal["Right", "right", "Left", "left"] | None,
        About(description="Which end of a text is cut; only the right one is."),
    ] = None


class TeiRank(msgspec.Struct):
    """A text's place. `reranked` is given, as false, where the budget left it unscored."""

    index: int
    score: float
    text: str | UnsetType = UNSET
    reranked: Reranked = UNSET


class TeiError(msgspec.Struct):
    """An error."""

    error: str
    error_type: str


_TYPES: Mapping[str, str] = {
    "empty": "Empty",
    "busy": "Overloaded",
    "closed": "Unhealthy",
    "failed": "Backend",
    "internal": "Backend",
}
_STATUSES: Mapping[str, int] = {"invalid": 422, "failed": 424}


def ask(body: TeiRequest, context: Context) -> Asked:
    """Return the job of a request, and what writes its answer."""
    check_count(len(body.texts), "texts", context.options, "`texts` cannot be empty")
    check_characters([body.query], body.texts, context.options)
    require(
        (body.truncation_direction or "right").lower() == "right",
        "truncation_direction is 'Left', expected 'Right': the beginning of a text is kept",
    )
    job = Job(
        query=body.query,
        texts=body.texts,
        model=default_model(body.model),
        activation="identity" if body.raw_scores else "sigmoid",
        instruction=body.instruction,
        **spending(body, context)._asdict(),
    )

    def write(answers: Sequence[Answer]) -> list[TeiRank]:
        (answer,) = answers
        if body.truncate is False:
            _require_whole(answer)
        return [
            TeiRank(
                one.at,
                one.score,
                body.texts[one.at] if body.return_text else UNSET,
                mark(one.reranked),
            )
            for one in placed(answer)
        ]

    return Asked([job], write)


def _require_whole(answer: Answer) -> None:
    cut = answer.scores.truncated.nonzero()[0]
    if len(cut):
        at = int(cut[0])
        read, lost = int(answer.scores.tokens[at]), int(answer.scores.dropped_tokens[at])
        raise Refused(
            "invalid",
            f"texts[{at}] has {read + lost} tokens, of which {read} fit beside the query: shorten "
            "it, or leave truncate out",
        )


def say(problem: Problem) -> TeiError:
    """Return an error with its type."""
    return TeiError(problem.message, _TYPES.get(problem.kind, "Validation"))


FORMAT = Format("tei", TeiRequest, list[TeiRank], ask, say, TeiError, statuses=_STATUSES)
