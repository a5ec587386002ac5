"""Listens, serves and ends: uvicorn with the server's limits."""

from __future__ import annotations

import math
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from secondpass.errors import InputError
from secondpass.options.serve import ServeOptions
from secondpass.serve.connections import bounded_protocol

# Connections that wait to be accepted.
_BACKLOG = 2048
# Seconds that a connection may be idle between requests.
KEEP_ALIVE_S = 60


class Server(uvicorn.Server):
    """uvicorn's server, which ends with a status and not by the signal that ended it."""

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
    try:
        (family, kind, protocol, _, address), *_ = socket.getaddrinfo(
            options.host, options.port, type=socket.SOCK_STREAM
        )
        opened = socket.socket(family, kind, protocol)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        # Who comes while the model is loaded waits for that.
        opened.listen(_BACKLOG)
    except OSError as error:
        raise InputError(
            f"the server cannot listen on {options.host[:80]!r} port {options.port}: "
            f"{error.strerror}; give another --host or --port"
        ) from None
    return opened


def url_of(opened: socket.socket) -> str:
    """Return the address of a socket as a client writes it."""
    host, port = opened.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(app: ASGIApp, options: ServeOptions, opened: socket.socket) -> bool:
    """Serve until a signal; tell whether the application had started."""
    config = uvicorn.Config(
        app,
        http=bounded_protocol(options.read_timeout_s),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=math.ceil(options.grace_s),
    )
    server = Server(config)
    server.run(sockets=[opened])
    return server.started
