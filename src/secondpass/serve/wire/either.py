"""Errors of a route that several formats have, where the body does not say which it is."""

from __future__ import annotations

import msgspec

from secondpass.serve.problems import Problem
from secondpass.serve.wire import cohere, tei


class AnyError(msgspec.Struct):
    """An error as Cohere's, Jina's and text-embeddings-inference's clients read it."""

    message: str
    id: str
    detail: str
    error: str
    error_type: str


def say(problem: Problem) -> AnyError:
    """Return an error in both shapes."""
    first, second = cohere.say(problem), tei.say(problem)
    return AnyError(first.message, first.id, first.detail, second.error, second.error_type)
