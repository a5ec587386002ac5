"""From an answer's numbers to what formats share: the order, spans, warnings and usage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from secondpass.checks import counted
from secondpass.serve.contract import Answer

# A warning names no more documents than these.
_MOST_NAMED = 20


class Placed(NamedTuple):
    """A document in the answer; one that was not scored has `reranked` False and a filler."""

    at: int
    score: float
    reranked: bool


# In a result: False where the budget left it unscored, else not there.
Reranked = bool | msgspec.UnsetType


def mark(reranked: bool) -> Reranked:
    """Return what a result says of whether it was scored."""
    return msgspec.UNSET if reranked else False


class Span(msgspec.Struct):
    """Characters [start, end) of a document, in Unicode code points, and their score."""

    start: int
    end: int
    score: float


def placed(answer: Answer, top_n: int | None = None) -> list[Placed]:
    """Return the `top_n` best documents, best first; equal scores keep their order.

    Those that the budget left unscored follow in theirs. Every format wants a number for them: it
    is 0, or the lowest score where that is below, so that who sorts again gets the same order.
    """
    scores = answer.scores.scores
    order = np.argsort(-scores, kind="stable")  # NaN is last, in its order
    scored = answer.scores.scored
    filler = min([0.0, *map(float, scores[scored])])
    return [
        Placed(int(at), float(scores[at]) if scored[at] else filler, bool(scored[at]))
        for at in order[: len(order) if top_n is None else top_n]
    ]


def in_input_order(answer: Answer) -> list[Placed]:
    """Return the documents as they came."""
    return sorted(placed(answer), key=lambda one: one.at)


def spans_of(answer: Answer, at: int, text: str, threshold: float, most: int | None) -> list[Span]:
    """Return the parts of a text that its score comes from, where that is above the threshold.

    It is the best window, the sentences that were selected, or the text if all of it was scored.
    They are scored together, so each has the text's score.
    """
    scores = answer.scores
    score = float(scores.scores[at])
    if not score > threshold:
        return []
    places: Iterable[Sequence[Any]] = scores.spans[at] or ()
    if not places and scores.span[at][0] >= 0:
        places = [scores.span[at]]
    elif not places and not scores.dropped_tokens[at]:
        places = [(0, len(text))]
    return [Span(int(start), int(end), score) for start, end in list(places)[:most]]


def warnings_of(answers: Sequence[Answer]) -> list[str]:
    """Say what was cut and what was not scored."""
    said = []
    cut = [at for answer in answers for at in np.flatnonzero(answer.scores.truncated)]
    if cut:
        lost = sum(answer.scores.timings.dropped_tokens for answer in answers)
        named = ", ".join(map(str, cut[:_MOST_NAMED])) + (", ..." if len(cut) > _MOST_NAMED else "")
        said.append(
            f"{counted(len(cut), 'document')} did not fit and had {counted(lost, 'token')} not "
            f"scored, at index {named}"
        )
    unscored = sum(int((~answer.scores.scored).sum()) for answer in answers)
    if unscored:
        said.append(
            f"{counted(unscored, 'document')} not scored within budget_ms: last, in the order given"
        )
    query_lost = sum(answer.scores.timings.query_dropped_tokens for answer in answers)
    if query_lost:
        said.append(f"the query was cut: {counted(query_lost, 'token')} of it were not read")
    return said


def tokens_of(answers: Sequence[Answer]) -> int:
    """Return how many tokens were scored, of queries, texts and special tokens together."""
    return sum(answer.scores.timings.tokens for answer in answers)


class Usage(msgspec.Struct):
    """The tokens that were scored."""

    prompt_tokens: int
    total_tokens: int

    @classmethod
    def of(cls, answers: Sequence[Answer]) -> Usage:
        """Return the usage of a request."""
        tokens = tokens_of(answers)
        return cls(tokens, tokens)
