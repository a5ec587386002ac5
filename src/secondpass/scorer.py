"""What scores texts beside a query, in three steps: prepare, score, finish.

A loaded model is a `Scorer`; a score cache, a cascade and a deadline are scorers round a scorer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar

from secondpass.options.effort import Effort
from secondpass.scoring.scored import Scored

# A request as a scorer has prepared it, and what scoring it gave; each scorer has its own.
P = TypeVar("P")
L = TypeVar("L")


class Pricing(NamedTuple):
    """What a deadline has to know of a scorer to price a text before it is tokenized.

    `streams` batches are computed at a time. Of a text the first `max_length` tokens are scored,
    or with a `stride` all of them in windows, or at most `select_tokens`.
    """

    streams: int
    max_length: int
    stride: int | None = None
    select_tokens: int | None = None


class Scorer(Protocol[P, L]):
    """Scores requests, each of one query and its texts; several threads may do so at once.

    `prepare` and `finish` are of one request, `score` of any number, which share the engine's
    batches: a text's score does not depend on that, and early exits choose within each request.
    """

    def most_texts(self, effort: Effort = "full") -> int:
        """Return how many texts may be scored at a time: tokens and states have to fit in memory.

        Raises:
            InputError: the scorer does not have this effort.
        """
        ...

    def pricing(self) -> Pricing:
        """Return what a deadline has to know.

        Raises:
            InputError: the scorer has no answer before it has scored every text.
        """
        ...

    def prepare(self, query: str, texts: Sequence[str], effort: Effort = "full") -> P:
        """Return the texts beside the query, tokenized and cut, not batched.

        Raises:
            InputError: the query leaves no room for a text.
        """
        ...

    def score(self, prepared: Sequence[P]) -> list[L]:
        """Return what the engine gives for each request, in order."""
        ...

    def finish(self, prepared: P, logits: L) -> Scored:
        """Return a request's texts as a table, in input order, with the stats of all three steps.

        A scorer that ends in time returns the first of them.
        """
        ...

    def close(self) -> None:
        """Free what the scorer holds; it scores no more."""
        ...


AnyScorer: TypeAlias = Scorer[Any, Any]


class Request(NamedTuple):
    """A query, and the texts to score beside it."""

    query: str
    texts: Sequence[str]


def score_texts(
    scorer: Scorer[P, L], query: str, texts: Sequence[str], effort: Effort = "full"
) -> Scored:
    """Return one request's texts, scored at a time."""
    prepared = scorer.prepare(query, texts, effort)
    (logits,) = scorer.score([prepared])
    return scorer.finish(prepared, logits)


def score_requests(
    scorer: Scorer[P, L], requests: Sequence[Request], effort: Effort = "full"
) -> list[Scored]:
    """Return the texts of each request: large ones in blocks, and small ones together.

    A request is cut into the same blocks whatever its companions are.
    """
    blocks: list[list[Scored]] = [[] for _ in requests]
    for group in _grouped(requests, scorer.most_texts(effort)):
        prepared = [scorer.prepare(*block, effort) for _, block in group]
        logits = scorer.score(prepared)
        for (number, _), one, of_one in zip(group, prepared, logits, strict=True):
            blocks[number].append(scorer.finish(one, of_one))
    return [Scored.joined(of_request) for of_request in blocks]


def _grouped(requests: Iterable[Request], most: int) -> Iterator[list[tuple[int, Request]]]:
    """Yield groups of blocks of at most `most` texts together, each with its request's number."""
    group: list[tuple[int, Request]] = []
    texts = 0
    for number, (query, of_request) in enumerate(requests):
        for start in range(0, len(of_request), most):
            block = Request(query, of_request[start : start + most])
            if group and texts + len(block.texts) > most:
                yield group
                group, texts = [], 0
            group.append((number, block))
            texts += len(block.texts)
    if group:
        yield group
