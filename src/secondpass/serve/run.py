"""Listens, serves and ends: uvicorn with the server's limits."""

from __future__ import annotations

import math
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager

import uvicorn
from starlette.applications import Starlette

from secondpass.errors import InputError
from secondpass.options.serve import ServeOptions
from secondpass.serve.connections import bounded_protocol

# Connections that wait to be accepted.
_BACKLOG = 2048
# Seconds that a connection may be idle between requests.
KEEP_ALIVE_S = 60


class Server(uvicorn.Server):
    """uvicorn's server, which says when it answers, and does not end by a signal.

    It starts the application itself: uvicorn would log what that raises, and go on to its end.
    """

    def __init__(
        self, config: uvicorn.Config, app: Starlette, say: Callable[[], None] | None
    ) -> None:
        super().__init__(config)
        self._life = AsyncExitStack()
        self._app, self._say = app, say

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application and listen; raises what the application raises."""
        await self._life.enter_async_context(self._app.router.lifespan_context(self._app))
        if self.should_exit:  # a signal came meanwhile, and uvicorn does not come to its shutdown
            await self._life.aclose()
            return
        await super().startup(sockets)
        if self._say is not None:
            self._say()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let what is in flight end, then the application."""
        await super().shutdown(sockets)
        if not self.force_exit:  # by a second signal
            await self._life.aclose()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle SIGINT and SIGTERM; uvicorn's own raises them again at the end."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {
            number: signal.signal(number, self.handle_exit)
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def listen(options: ServeOptions) -> socket.socket:
    """Return the socket that the server listens on.

    Raises:
        InputError: the address or the port cannot be had.
    """
    opened = None
    try:
        (family, kind, protocol, _, address), *_ = socket.getaddrinfo(
            options.host, options.port, type=socket.SOCK_STREAM
        )
        opened = socket.socket(family, kind, protocol)
        if sys.platform != "win32":  # where it would let two servers share the port
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        # Who comes while the model is loaded waits for that.
        opened.listen(_BACKLOG)
    except OSError as error:
        if opened is not None:
            opened.close()
        raise InputError(
            f"the server cannot listen on {options.host[:80]!r} port {options.port}: "
            f"{error.strerror}; give another --host or --port"
        ) from None
    return opened


def url_of(opened: socket.socket) -> str:
    """Return the address of a socket as a client writes it."""
    host, port = opened.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def server_of(
    app: Starlette, options: ServeOptions, say: Callable[[], None] | None = None
) -> Server:
    """Return a server that has not begun; `say` is called once it answers."""
    config = uvicorn.Config(
        app,
        http=bounded_protocol(options.read_timeout_s),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=math.ceil(options.grace_s),
    )
    return Server(config, app, say)
