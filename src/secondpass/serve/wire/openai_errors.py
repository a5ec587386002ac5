"""The shape of errors that OpenAI's API has, and vLLM after it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from secondpass.serve.problems import STATUS, Problem

_TYPES: Mapping[str, str] = {
    "unknown model": "NotFoundError",
    "no route": "NotFoundError",
    "no key": "AuthenticationError",
    "wrong key": "AuthenticationError",
    "busy": "RateLimitError",
    "failed": "InternalServerError",
    "internal": "InternalServerError",
    "closed": "ServiceUnavailableError",
}


class OpenAIErrorBody(msgspec.Struct):
    """What went wrong."""

    message: str
    type: str
    param: str | None
    code: int


class OpenAIError(msgspec.Struct):
    """An error."""

    error: OpenAIErrorBody


def say(problem: Problem) -> OpenAIError:
    """Return an error with its type and status."""
    kind = _TYPES.get(problem.kind, "BadRequestError")
    return OpenAIError(OpenAIErrorBody(problem.message, kind, None, int(STATUS[problem.kind])))
