"""What a request passes before its route: an id, the name it asked for, and its key."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from secondpass.serve.contract import Closed
from secondpass.serve.failures import log_failure
from secondpass.serve.keys import Keys
from secondpass.serve.problems import Problem, Refused, problem_of

# Makes the response of a problem on a path.
Say = Callable[[str, Problem], Response]

OPEN_PATHS = frozenset(("/", "/docs", "/openapi.json", "/health", "/health/live", "/health/ready"))
_OPEN_FOLDERS = ("/static/", "/page/")

_ID = re.compile(r"[\w.:-]{1,128}", re.ASCII)
_HEADERS = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}
_OWN_NAMES = ("localhost", "127.0.0.1", "[::1]")


class Guards:
    """Refuses a request that has no key, or that a page of elsewhere sent to this machine."""

    def __init__(self, app: ASGIApp, keys: Keys, own_hosts: Iterable[str] | None, say: Say) -> None:
        """`own_hosts` are the names a request may ask for, None for any."""
        self._app, self._keys, self._say = app, keys, say
        self._hosts = None if own_hosts is None else frozenset((*_OWN_NAMES, *own_hosts))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer with why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _ID.fullmatch(given) else str(uuid4())
        scope.setdefault("state", {})["request_id"] = request_id

        begun = False

        async def with_headers(message: Message) -> None:
            nonlocal begun
            begun = True
            if message["type"] == "http.response.start":
                own = MutableHeaders(scope=message)
                own["x-request-id"] = request_id
                for name, value in _HEADERS.items():
                    own.setdefault(name, value)
            await send(message)

        try:
            self._check(scope["path"], headers)
            await self._app(scope, receive, with_headers)
        except ClientDisconnect:
            return  # nobody waits for a response
        except asyncio.CancelledError:  # the server ends, and did not wait for longer
            if not begun:
                problem = replace(problem_of(Closed()), request_id=request_id)
                await self._say(scope["path"], problem)(scope, receive, with_headers)
            raise
        except Exception as error:
            problem = replace(problem_of(error), request_id=request_id)
            if not isinstance(error, Refused):
                log_failure(error, request_id)
            if not begun:
                await self._say(scope["path"], problem)(scope, receive, with_headers)

    def _check(self, path: str, headers: Headers) -> None:
        host = re.sub(r":\d*$", "", headers.get("host", "")).lower()
        if self._hosts is not None and host and host not in self._hosts:
            raise Refused(
                "host",
                f"{host[:80]!r} is not a name of this server, which has no key: start it with "
                "--allowed-host, or with a key",
            )
        if path not in OPEN_PATHS and not path.startswith(_OPEN_FOLDERS):
            self._keys.check(headers.get("authorization", "").encode("latin-1") or None)
