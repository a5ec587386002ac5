"""What can go wrong with a request, apart from how a format says it: kind, status and message."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal

from secondpass.errors import InputError, SecondpassError
from secondpass.serve.contract import (
    Busy,
    Closed,
    DeadlineTooShort,
    Failed,
    TookTooLong,
    UnknownModel,
)

Kind = Literal[
    "invalid",
    "empty",
    "documents",
    "characters",
    "body",
    "slow",
    "timeout",
    "media type",
    "no key",
    "wrong key",
    "host",
    "no route",
    "no method",
    "unknown model",
    "deadline",
    "busy",
    "failed",
    "internal",
    "closed",
]

STATUS: Mapping[Kind, int] = {
    "invalid": HTTPStatus.BAD_REQUEST,
    "empty": HTTPStatus.BAD_REQUEST,
    "documents": HTTPStatus.UNPROCESSABLE_ENTITY,
    "characters": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "body": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "slow": HTTPStatus.REQUEST_TIMEOUT,
    "timeout": HTTPStatus.REQUEST_TIMEOUT,
    "media type": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "no key": HTTPStatus.UNAUTHORIZED,
    "wrong key": HTTPStatus.UNAUTHORIZED,
    "host": HTTPStatus.MISDIRECTED_REQUEST,
    "no route": HTTPStatus.NOT_FOUND,
    "no method": HTTPStatus.METHOD_NOT_ALLOWED,
    "unknown model": HTTPStatus.NOT_FOUND,
    "deadline": HTTPStatus.UNPROCESSABLE_ENTITY,
    "busy": HTTPStatus.TOO_MANY_REQUESTS,
    "failed": HTTPStatus.INTERNAL_SERVER_ERROR,
    "internal": HTTPStatus.INTERNAL_SERVER_ERROR,
    "closed": HTTPStatus.SERVICE_UNAVAILABLE,
}

_OF_ERROR: Mapping[type[SecondpassError], Kind] = {
    UnknownModel: "unknown model",
    DeadlineTooShort: "deadline",
    TookTooLong: "timeout",
    Busy: "busy",
    Failed: "failed",
    Closed: "closed",
    InputError: "invalid",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a request has no answer; `headers` go with it."""

    kind: Kind
    message: str
    request_id: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):  # noqa: N818 - named for what happened to the request
    """A request that a route or a guard has refused."""

    def __init__(self, kind: Kind, message: str) -> None:
        self.problem = Problem(kind, message)
        super().__init__(message)


def problem_of(error: Exception) -> Problem:
    """Return the problem of what a service or the library raised, or of a fault of ours."""
    if isinstance(error, Refused):
        return error.problem
    for kind_of_error, kind in _OF_ERROR.items():
        if isinstance(error, kind_of_error):
            return Problem(kind, str(error), headers=_headers(error))
    if isinstance(error, SecondpassError):
        return Problem("failed", str(Failed(type(error).__name__, str(error))))
    # Its message may hold a text of the request.
    return Problem("internal", f"the server failed with {type(error).__name__}")


def _headers(error: Exception) -> Mapping[str, str]:
    if isinstance(error, Busy):
        return {"retry-after": str(max(1, math.ceil(error.retry_after_s)))}
    return {"retry-after": "1"} if isinstance(error, Closed) else {}
