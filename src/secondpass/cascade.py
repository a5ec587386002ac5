"""A cascade of two models: the first scores all texts, the second the best of them again."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from secondpass.options.cascade import refuse_budget, require_full
from secondpass.options.effort import Effort
from secondpass.scorer import AnyScorer, Pricing, Request, score_requests
from secondpass.scoring.fusion import best_first
from secondpass.scoring.scored import FIRST_MODEL, SECOND_MODEL, Scored


class CascadeRequest(NamedTuple):
    """A request whose first texts the first model has prepared; the others wait for their turn."""

    request: Request
    first: Any
    waiting: Request


class CascadeScores(NamedTuple):
    """The texts by the first model, and those at the positions `best` by the second."""

    first: Scored
    best: NDArray[np.intp]
    second: Scored


class CascadeScorer:
    """Two scorers as one: `second` scores again the best `keep` texts of each request."""

    def __init__(self, first: AnyScorer, second: AnyScorer, keep: int) -> None:
        self._first, self._second, self._keep = first, second, keep

    def most_texts(self, effort: Effort = "full") -> int:
        """Return no limit: which texts are best is known when all were scored once."""
        require_full(effort)
        return sys.maxsize

    def pricing(self) -> Pricing:
        """Raise: a cascade has no answer before its first model has scored all."""
        refuse_budget()

    def prepare(self, query: str, texts: Sequence[str], effort: Effort = "full") -> CascadeRequest:
        """Prepare for the first model as many texts as it takes at a time."""
        require_full(effort)
        most = self._first.most_texts()
        first = self._first.prepare(query, texts[:most])
        return CascadeRequest(Request(query, texts), first, Request(query, texts[most:]))

    def score(self, prepared: Sequence[CascadeRequest]) -> list[CascadeScores]:
        """Score by the first model, then the best of each request by the second."""
        waiting = score_requests(self._first, [request.waiting for request in prepared])
        logits = self._first.score([request.first for request in prepared])
        firsts = [
            Scored.joined([self._first.finish(request.first, of_first), rest])
            for request, of_first, rest in zip(prepared, logits, waiting, strict=True)
        ]
        bests = [np.sort(best_first(scored.logits)[: self._keep]) for scored in firsts]
        again = [
            Request(
                request.request.query,
                [request.request.texts[position] for position in best.tolist()],
            )
            for request, best in zip(prepared, bests, strict=True)
        ]
        seconds = score_requests(self._second, again)
        return [CascadeScores(*parts) for parts in zip(firsts, bests, seconds, strict=True)]

    def finish(self, prepared: CascadeRequest, logits: CascadeScores) -> Scored:
        """Return the texts, each marked with the model that scored it."""
        first, best, second = logits
        return _by(first, FIRST_MODEL).with_rows(best, _by(second, SECOND_MODEL))

    def close(self) -> None:
        """Close both."""
        self._first.close()
        self._second.close()


def _by(scored: Scored, model: int) -> Scored:
    return replace(scored, scored_by=np.full(len(scored), model, np.int8))
