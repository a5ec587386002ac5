"""Connections of uvicorn that end where a request's head is late or too large."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# The head of a request: its first line and its headers.
MOST_HEAD_BYTES = 64 * 1024


def bounded_protocol(head_timeout_s: float) -> type[HttpToolsProtocol]:
    """Return uvicorn's protocol with a limit for the time from a head's first byte to its end.

    A connection that sends nothing at first has the same limit; one that waits for its next request
    has uvicorn's own.
    """

    class BoundedProtocol(HttpToolsProtocol):
        _waiting: asyncio.TimerHandle | None = None
        _head_bytes = 0
        _read_bytes = 0

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._wait()

        def data_received(self, data: bytes) -> None:
            if self._waiting is None and (self.cycle is None or self.cycle.response_complete):
                self._wait()
            if self._waiting is not None:
                self._head_bytes += len(data)
            super().data_received(data)
            if self._waiting is not None and self._head_bytes > MOST_HEAD_BYTES:
                self.send_400_response("The request's head is too large.")

        def on_header(self, name: bytes, value: bytes) -> None:
            self._read_bytes += len(name) + len(value)
            if self._read_bytes > MOST_HEAD_BYTES:
                raise ValueError("the head is too large")  # which is answered as no valid head
            super().on_header(name, value)

        def on_headers_complete(self) -> None:
            self._wait_no_more()
            super().on_headers_complete()

        def connection_lost(self, exc: Exception | None) -> None:
            self._wait_no_more()
            super().connection_lost(exc)

        def _wait(self) -> None:
            self._waiting = self.loop.call_later(head_timeout_s, self.transport.close)

        def _wait_no_more(self) -> None:
            if self._waiting is not None:
                self._waiting.cancel()
                self._waiting = None
            self._head_bytes = self._read_bytes = 0

    return BoundedProtocol
