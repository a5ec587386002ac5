"""Reads a request's body: bounded in bytes and time, valid JSON, and of the type of its format."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import anyio
import msgspec
from starlette.datastructures import Headers
from starlette.requests import Request

from secondpass.checks import counted, misfit, plain_number
from secondpass.options.serve import ServeOptions
from secondpass.serve.problems import Refused

S = TypeVar("S", bound=msgspec.Struct)

_TOO_DEEP = "is nested too deep"

_HALF_A_PAIR = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F]"
)


async def read_body(request: Request, options: ServeOptions) -> bytes:
    """Return the body.

    Raises:
        Refused: it is too large, too slow, or not said to be JSON.
    """
    _check_media_type(request.headers)
    most = options.max_body_bytes
    said = request.headers.get("content-length", "")
    if said.isdecimal() and len(said) < 20 and int(said) > most:
        raise _too_large(most)
    try:
        with anyio.fail_after(options.read_timeout_s):
            return await _read(request, most)
    except TimeoutError:
        raise Refused(
            "slow",
            f"the body did not come within {plain_number(options.read_timeout_s)} seconds: send it "
            "faster, or less of it",
        ) from None


def _check_media_type(headers: Headers) -> None:
    # A page may send a body of no type, or of a form, to any server; a browser names its origin.
    unsaid = "" if "origin" in headers else "application/json"
    kind = headers.get("content-type", unsaid).partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise Refused(
            "media type", f"the body is {kind[:80]!r}: send it with content-type application/json"
        )
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise Refused("media type", f"the body is encoded as {encoding[:80]!r}: send it as it is")


async def _read(request: Request, most: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise _too_large(most)
    return bytes(body)


def _too_large(most: int) -> Refused:
    return Refused(
        "body",
        f"the body has more than {counted(most, 'byte')}, the server's limit: send fewer documents "
        "at a time",
    )


def keys_of(body: bytes) -> Mapping[str, msgspec.Raw]:
    """Return the keys of the object that a body is, each with its value unread.

    Raises:
        Refused: it is not valid JSON, or not an object.
    """
    return _in_words(body, lambda: msgspec.json.decode(body, type=dict[str, msgspec.Raw]))


def decoded(body: bytes, kind: type[S]) -> S:
    """Return the body as its format has it; the strings "true" and "3" count as what they say.

    Raises:
        Refused: a value is not of its type; the message names it.
    """
    return _in_words(body, lambda: msgspec.json.decode(body, type=kind, strict=False), kind)


T = TypeVar("T")


def _in_words(body: bytes, decode: Callable[[], T], kind: type[Any] | None = None) -> T:
    try:
        return decode()
    except msgspec.ValidationError as error:
        message = _misfit(body, str(error), kind)
    except RecursionError:
        message = _TOO_DEEP
    except UnicodeDecodeError:
        message = "is not valid UTF-8"
    except msgspec.DecodeError as error:
        if not body.strip():
            message = "is empty, expected a JSON object"
        elif _HALF_A_PAIR.search(body):
            message = "is not valid JSON: a text has a lone surrogate, which is not valid Unicode"
        else:
            message = f"is not valid JSON: {str(error).removeprefix('JSON is malformed: ')}"
    raise Refused("invalid", f"the body {message}")


def _misfit(body: bytes, said: str, kind: type[Any] | None) -> str:
    try:
        message = misfit(msgspec.json.decode(body), said)
    except RecursionError:  # the value that misfits, or one whose key the format does not have
        return _TOO_DEEP
    if not said.startswith("Invalid enum value"):
        return message
    allowed = _allowed(kind, said.partition(" - at ")[2].strip("`$").split(".")[1:])
    return message.replace("expected another value", f"expected one of {allowed}", 1)


def _allowed(kind: Any, path: list[str]) -> str:
    """Return the words that the field at a path of msgspec takes."""
    for name in path:
        (kind,) = [
            get_type_hints(one)[name]
            for one in (kind, *get_args(kind))
            if isinstance(one, type) and issubclass(one, msgspec.Struct)
        ]
    words = next(one for one in (kind, *get_args(kind)) if get_origin(one) is Literal)
    return ", ".join(get_args(words))
