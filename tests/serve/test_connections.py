"""Requests that offer another protocol, and connections that send without end."""

import asyncio
import json
import socket

import pytest
from fake_service import FakeService
from live_server import head, live_server, status, talk

BODY = b'{"query": "a", "texts": ["b"]}'
OFFERS = {
    "java": "connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQ\r\n"
    "Upgrade: h2c\r\n",
    "curl --http2": "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n",
    "websocket": "upgrade:websocket\r\nconnection: upgrade\r\n",
    "tls": "UPGRADE: TLS/1.0\r\nconnection: keep-alive, Upgrade\r\n",
    "two": "upgrade: a\r\nupgrade: b\r\nconnection: upgrade\r\n",
}
# More than the server and the system take in of a head.
MUCH = 32 << 20


def offering(offer, body=BODY):
    lines = "POST /rerank HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    return f"{lines}{offer}content-length: {len(body)}\r\n\r\n".encode() + body


def answer_of(connection):
    """Return the status and the value of one response."""
    received = b""
    while b"]" not in received and (came := connection.recv(65536)):
        received += came
    return status(received), json.loads(received.partition(b"\r\n\r\n")[2])


@pytest.fixture(scope="module")
def address():
    with live_server() as found:
        yield found


@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)
@pytest.mark.parametrize("cut", [None, 20, -len(BODY), -5])
def test_an_offer_of_another_protocol_is_declined_and_the_body_read(address, offer, cut, caplog):
    whole = offering(offer)
    pieces = [whole] if cut is None else [whole[:cut], whole[cut:]]
    with socket.create_connection(address, 20) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(2):  # a connection is kept
            for piece in pieces:
                connection.sendall(piece)
            assert answer_of(connection) == (200, [{"index": 0, "score": 0.0}])
    assert not caplog.records


def test_a_large_body_is_read_beside_an_offer(address):
    texts = ["x" * 100_000] * 10
    body = json.dumps({"query": "a", "texts": texts}).encode()
    with socket.create_connection(address, 20) as connection:
        connection.sendall(offering(OFFERS["java"], body))
        answer = answer_of(connection)
    assert answer[0] == 200
    assert len(answer[1]) == 10


def test_an_offer_behind_another_request_repeats_none():
    service = FakeService()
    with live_server(service) as address:
        response = talk(address, offering("") + offering(OFFERS["java"]))
        assert not response or status(response) < 500
        assert len(service.jobs) <= 1
        assert status(talk(address, head(length=len(BODY)) + BODY)) == 200


@pytest.mark.parametrize(
    "begun",
    [
        head(length=len(BODY)) + BODY + b"POST /rerank HTTP/1.1\r\nx: ",
        head(length=len(BODY)) + BODY + b"POST /",
        head(transfer_encoding="chunked") + b"1e\r\n" + BODY + b"\r\n0\r\nx: ",
        head(transfer_encoding="chunked") + b"1e;x=",
        head(transfer_encoding="chunked") + b"0",
    ],
    ids=["a second head", "a second path", "a trailer", "a chunk's extension", "a chunk's length"],
)
def test_what_has_no_end_is_cut_off_by_its_bytes(begun):
    ended = asyncio.Event()
    with live_server(FakeService(delay=ended.wait)) as address:
        # A head that says `close` ends the reading of what follows it.
        begun = begun.replace(b"connection: close\r\n", b"")
        with socket.create_connection(address, 20) as connection, pytest.raises(OSError):
            connection.sendall(begun + b"0" * MUCH)
        ended.set()
        assert status(talk(address, head(length=len(BODY)) + BODY)) == 200
