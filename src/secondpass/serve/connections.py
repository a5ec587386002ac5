"""Connections of uvicorn that end where a request's head is late or too large."""

from __future__ import annotations

import asyncio
import re

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# The head of a request: its first line and its headers.
MOST_HEAD_BYTES = 64 * 1024

_OFFER = re.compile(rb"\r\nupgrade[ \t]*:[^\r\n]*", re.IGNORECASE)


def bounded_protocol(head_timeout_s: float) -> type[HttpToolsProtocol]:
    """Return uvicorn's protocol with a limit for the time from a head's first byte to its end.

    A connection that sends nothing at first has the same limit; one that waits for its next request
    has uvicorn's own.
    """

    class BoundedProtocol(HttpToolsProtocol):
        _waiting: asyncio.TimerHandle | None = None
        _offers_upgrade = False
        _read_bytes = 0
        # Bytes that came since the last head or piece of a body: of a further head, of trailers.
        _unread_bytes = 0

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._head = bytearray()
            self._wait()

        def data_received(self, data: bytes) -> None:
            if self._waiting is None and self._idle:
                self._wait()
            if self._waiting is not None:
                self._head += data
            self._unread_bytes += len(data)
            super().data_received(data)
            if self._offers_upgrade:
                self._read_without_offer()
            elif self._unread_bytes > MOST_HEAD_BYTES:
                self._refuse("The request's head is too large.")

        def on_header(self, name: bytes, value: bytes) -> None:
            self._read_bytes += len(name) + len(value)
            if self._read_bytes > MOST_HEAD_BYTES:
                raise ValueError("the head is too large")  # which is answered as no valid head
            super().on_header(name, value)

        def on_headers_complete(self) -> None:
            self._wait_no_more()
            self._offers_upgrade = (
                self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
            )
            if not self._offers_upgrade:
                self._head.clear()
                super().on_headers_complete()

        def on_body(self, body: bytes) -> None:
            self._unread_bytes = 0
            super().on_body(body)

        def on_message_complete(self) -> None:
            if not self._offers_upgrade:
                super().on_message_complete()

        def connection_lost(self, exc: Exception | None) -> None:
            self._wait_no_more()
            super().connection_lost(exc)

        @property
        def _idle(self) -> bool:
            """Whether no request waits for its response."""
            return self.cycle is None or self.cycle.response_complete

        def _read_without_offer(self) -> None:
            """Read a request again whose offer of another protocol is declined.

            The parser takes what follows such a head for the other protocol. Java's client offers
            HTTP/2 with every request.
            """
            self._offers_upgrade = False
            head, end, rest = bytes(self._head).partition(b"\r\n\r\n")
            self._head.clear()
            plain = _OFFER.sub(b"", head)
            if plain == head:  # another request came before it in one piece
                self._refuse("The offer of another protocol cannot be read.")
                return
            self.parser = httptools.HttpRequestParser(self)
            self.data_received(plain + end + rest)

        def _unsupported_upgrade_warning(self) -> None:
            """Say nothing: an offer may be left alone (RFC 9110, 7.8)."""

        def _refuse(self, why: str) -> None:
            if self._idle:
                self.send_400_response(why)
            else:  # it would be read as the response of the request before
                self.transport.close()

        def _wait(self) -> None:
            self._waiting = self.loop.call_later(head_timeout_s, self.transport.close)

        def _wait_no_more(self) -> None:
            if self._waiting is not None:
                self._waiting.cancel()
                self._waiting = None
            self._unread_bytes = self._read_bytes = 0

    return BoundedProtocol
