"""vLLM's `/score`: pairs of a query and a document, in their order."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec
import numpy as np
from msgspec import UNSET
from msgspec import Meta as About

from secondpass.options.model import Activation
from secondpass.serve.contract import Answer, Job
from secondpass.serve.wire.documents import (
    Document,
    check_characters,
    check_count,
    query_text,
    texts_of,
)
from secondpass.serve.wire.fields import (
    NotNegative,
    Options,
    any_of,
    default_model,
    require,
    spending,
)
from secondpass.serve.wire.format import REFUSED, Asked, Context, Format, Only
from secondpass.serve.wire.openai_errors import OpenAIError, say
from secondpass.serve.wire.results import Reranked, Usage, in_input_order, mark

Given = Document | list[Document]


class ScoreRequest(Options):
    """One query and documents, or as many queries as documents."""

    queries: Annotated[
        Given | None, About(description="One query, or one for each document; also `text_1`.")
    ] = None
    documents: Annotated[Given | None, About(description="Documents; also `text_2`, `items`.")] = (
        None
    )
    text_1: Given | None = None
    data_1: Given | None = None
    text_2: Given | None = None
    data_2: Given | None = None
    items: Given | None = None
    model: Annotated[str | None, About(description="A name the server has; null is its first.")] = (
        None
    )
    use_activation: Annotated[
        bool | None,
        About(description="False gives the model's logits; true scores in 0 to 1; null its own."),
    ] = None
    max_tokens_per_doc: Annotated[
        NotNegative | None,
        About(description="Most tokens that are read of a document; null and 0 are no limit."),
    ] = None


class PairScore(msgspec.Struct):
    """A pair's score. `reranked` is given, as false, where the budget left it unscored."""

    index: int
    object: str
    score: float
    reranked: Reranked = UNSET


class ScoreResponse(msgspec.Struct):
    """A score for each pair, in their order."""

    id: str
    object: str
    created: int
    model: str
    data: list[PairScore]
    usage: Usage


_ACTIVATIONS: Mapping[bool | None, Activation | None] = {
    None: None,
    True: "sigmoid",
    False: "identity",
}


def ask(body: ScoreRequest, context: Context) -> Asked:
    """Return a job for each distinct query, and what writes their answer."""
    queries = _listed(any_of(body.queries, body.text_1, body.data_1), "queries")
    documents = _listed(any_of(body.documents, body.text_2, body.data_2, body.items), "documents")
    check_count(len(documents), "documents", context.options)
    require(
        len(queries) in (1, len(documents)),
        f"there are {len(queries)} queries and {len(documents)} documents: give one query, or one "
        "for each document",
    )
    texts = texts_of(documents)
    asked = [query_text(query) for query in queries] * (len(documents) // len(queries))
    check_characters(queries_once := list(dict.fromkeys(asked)), texts, context.options)
    places: dict[str, list[int]] = {query: [] for query in queries_once}
    for at, query in enumerate(asked):
        places[query].append(at)
    spent = spending(body, context)
    jobs = [
        Job(
            query=query,
            texts=[texts[at] for at in of_query],
            model=default_model(body.model),
            activation=_ACTIVATIONS[body.use_activation],
            max_tokens=body.max_tokens_per_doc or None,
            instruction=body.instruction,
            **spent._asdict(),
        )
        for query, of_query in places.items()
    ]

    def write(answers: Sequence[Answer]) -> ScoreResponse:
        order = np.argsort(np.concatenate([*places.values()]))
        given = [one for answer in answers for one in in_input_order(answer)]
        data = [
            PairScore(at, "score", given[place].score, mark(given[place].reranked))
            for at, place in enumerate(order)
        ]
        return ScoreResponse(
            f"score-{context.request_id}",
            "list",
            int(time.time()),
            answers[0].model,
            data,
            Usage.of(answers),
        )

    return Asked(jobs, write)


def _listed(given: Given | None, name: str) -> list[Document]:
    require(given is not None, f"the body has no `{name}`")
    listed = given if isinstance(given, list) else [given]
    require(bool(listed), f"{name} is empty: there is nothing to score")
    return listed  # type: ignore[return-value]


FORMAT = Format(
    "vllm-score",
    ScoreRequest,
    ScoreResponse,
    ask,
    say,
    OpenAIError,
    refused={**REFUSED, "normalize": Only((), "which was removed: use use_activation")},
)
