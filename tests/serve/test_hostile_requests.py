"""Bodies and connections that nobody sends by accident: no answer of 5xx, and none that hangs."""

import json
import socket

import pytest
from live_server import head, live_server, status, talk
from serve_client import fake_client
from test_formats import BODIES, CASES, every_format

QUERY, TEXT = '"query": "a"', '"documents": ["b"]'
VALUES = [
    None, True, 0, -1, 1.5, 10**30, "", "x", "\x00", "true", [], [None], [[]], [[["x"]]], {},
    {"text": None}, {"text": []}, {"a": {"b": [1]}}, ["x", 1], ["x", None], ["x", ["y"]],
]  # fmt: skip
NOT_JSON = {
    "nothing": b"",
    "blanks": b" \n ",
    "a word": b"hello",
    "half": b'{"query": "a", "documents": ["b',
    "two": b'{"query": "a", "documents": ["b"]}{}',
    "a comma": b'{"query": "a", "documents": ["b",]}',
    "single quotes": b"{'query': 'a'}",
    "a number": b"7",
    "null": b"null",
    "a string": b'"documents"',
    "a list": b'["query", "documents"]',
    "a byte order mark": b"\xef\xbb\xbf" + b'{"query": "a", "documents": ["b"]}',
    "utf-16": '{"query": "a", "documents": ["b"]}'.encode("utf-16"),
    "latin-1": '{"query": "é", "documents": ["b"]}'.encode("latin-1"),
    "overlong": b'{"query": "\xc0\x80", "documents": ["b"]}',
    "a surrogate in utf-8": b'{"query": "\xed\xa0\x80", "documents": ["b"]}',
    "a zero byte": b'{"query": "a\x00", "documents": ["b"]}',
    "nan": b'{"query": "a", "documents": ["b"], "budget_ms": NaN}',
    "infinity": b'{"query": "a", "documents": ["b"], "budget_ms": -Infinity}',
    "a form": b"query=a&documents=b",
}
SURROGATES = [r"\ud800", r"\ud800 b", r"b\udc00", r"\udc00\ud800", r"\ud83d\ud83d\ude00"]


@pytest.fixture(scope="module")
def client():
    with fake_client() as started:
        yield started


def refused(response):
    assert 400 <= response.status_code < 500, response.text
    json.loads(response.text)
    return response.text


@every_format
@pytest.mark.parametrize("name", NOT_JSON)
def test_what_is_not_json_is_named(path, form, name, client):
    response = client.post(
        path, content=NOT_JSON[name], headers={"content-type": "application/json"}
    )
    assert "the body" in refused(response)


@every_format
@pytest.mark.parametrize("half", SURROGATES)
def test_half_of_a_surrogate_pair_is_named(path, form, half, client):
    for field in BODIES[form.name]:
        body = json.dumps(BODIES[form.name] | {field: "HERE"}).replace("HERE", half)
        response = client.post(path, content=body, headers={"content-type": "application/json"})
        assert "surrogate" in refused(response)


def test_a_whole_surrogate_pair_is_a_character(client):
    body = r'{"query": "a", "texts": ["\ud83d\udc11", "\\ud800"], "return_text": true}'
    response = client.post("/rerank", content=body, headers={"content-type": "application/json"})
    assert {one["text"] for one in response.json()} == {"\U0001f411", r"\ud800"}


@every_format
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_of_another_type_is_no_failure(path, form, value, client):
    for field in form.request.__struct_fields__:
        response = client.post(path, json=BODIES[form.name] | {field: value})
        assert response.status_code < 500, (field, response.text)
        json.loads(response.text)


@every_format
@pytest.mark.parametrize("levels", [1_000, 200_000])
def test_deep_nesting_is_no_failure(path, form, levels, client):
    deep = "[" * levels + "]" * levels
    objects = '{"a":' * levels + "1" + "}" * levels
    for field in (*BODIES[form.name], "unknown", "truncation"):
        for value in (deep, objects, deep[:levels]):
            body = json.dumps(BODIES[form.name] | {field: 5}).replace("5", value)
            response = client.post(path, content=body, headers={"content-type": "application/json"})
            assert response.status_code < 500
            assert len(response.text) < 5_000


@every_format
def test_a_message_quotes_little_of_what_was_sent(path, form, client):
    for field in form.request.__struct_fields__:
        body = BODIES[form.name] | {field: [{"x" * 100_000: "y" * 100_000}]}
        response = client.post(path, json=body | {"z" * 100_000: 1})
        assert len(response.text) < 3_000
        assert len(response.headers.get("x-warnings", "")) <= 1_000


@pytest.fixture(scope="module")
def address():
    with live_server(max_body_bytes=1_000_000, read_timeout_s=1.0) as found:
        yield found


def answers(address):
    body = b'{"query": "a", "texts": ["b"]}'
    return status(talk(address, head(length=len(body)) + body)) == 200


def test_a_body_that_is_said_to_be_too_large_is_refused_at_once(address):
    response = talk(address, head(length=50_000_000))
    assert status(response) == 413
    assert b"1000000 bytes" in response


def test_a_body_that_is_too_large_in_chunks_is_refused(address):
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    response = talk(address, head(transfer_encoding="chunked"), *[chunk] * 800, b"0\r\n\r\n")
    assert not response or status(response) == 413
    assert answers(address)


@pytest.mark.parametrize("length", ["-1", "x", "1, 2", "9" * 30, "1e3"])
def test_a_length_that_is_none_is_refused(address, length):
    response = talk(address, head(length=length), b"{}")
    assert not response or 400 <= status(response) < 500
    assert answers(address)


def test_a_body_that_does_not_come_is_refused(address):
    response = talk(address, head(length=100), b'{"query"')
    assert status(response) == 408
    assert b"within 1 second" in response


def test_a_head_that_does_not_end_is_closed(address):
    assert talk(address, b"POST /rerank HTTP/1.1\r\nhost: 127.0.0.1\r\n") == b""
    assert answers(address)


def test_a_connection_that_says_nothing_is_closed(address):
    assert talk(address) == b""
    assert answers(address)


def test_a_second_head_that_does_not_end_is_closed(address):
    body = b'{"query": "a", "texts": ["b"]}'
    whole = head(length=len(body)).replace(b"connection: close\r\n", b"") + body
    with socket.create_connection(address, 20) as connection:
        connection.sendall(whole)
        received = b""
        while b"]" not in received:
            received += connection.recv(65536)
        connection.sendall(b"POST /rerank HTTP/1.1\r\n")
        assert connection.recv(65536) == b""


@pytest.mark.parametrize("line", [b"x: " + b"y" * 300_000 + b"\r\n", b"x: y\r\n" * 50_000])
@pytest.mark.parametrize("end", [b"\r\n", b""])
def test_a_head_that_is_too_large_is_refused(address, line, end):
    response = talk(address, b"POST /rerank HTTP/1.1\r\n", line, end)
    assert not response or status(response) == 400
    assert answers(address)


@pytest.mark.parametrize("part", [b"", b'{"query": "a", ', b'{"query": "a", "texts": ["b"]}'])
def test_a_connection_that_is_half_closed_ends(address, part):
    talk(address, head(length=30), part, half_close=True)
    assert answers(address)


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x00" * 100,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n",
        b"GET /../../etc/passwd HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        b"GET /static/..%2f..%2fapp.py HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        b"GET /%00 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        b"TRACE /rerank HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\nauthorization: \xff\xfe\r\n"
        b"connection: close\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\nx-request-id: a\tb\r\n"
        b"connection: close\r\n\r\n",
    ],
    ids=lambda value: value[:30].decode("latin-1"),
)
def test_a_request_that_is_none_does_not_end_the_server(address, request_):
    response = talk(address, request_)
    assert not response or status(response) < 500
    assert b"root:" not in response
    assert b"Starlette(" not in response
    assert answers(address)


def test_a_client_that_reads_nothing_is_no_harm(address):
    texts = json.dumps(
        {"query": "a", "texts": ["word " * 100] * 1000, "return_text": True}
    ).encode()
    connections = [socket.create_connection(address, 10) for _ in range(20)]
    for connection in connections:
        connection.sendall(head(length=len(texts)) + texts)
    assert answers(address)
    for connection in connections:
        connection.close()
    assert answers(address)


def test_the_cases_are_those_of_all_routes():
    assert {form.name for _, form in CASES} == set(BODIES)
