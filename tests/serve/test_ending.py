"""The server as a process: what a signal ends, and what it does not."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager

import pytest

TEXTS = [f"csv file reader row {number} " * 20 for number in range(300)]
BODY = json.dumps({"model": "m", "query": "read a csv file", "documents": TEXTS}).encode()
WAIT_S = 120


@pytest.fixture
def start(parity, tmp_path_factory):
    """Starts the command; gives the process and its port once it is ready."""

    @contextmanager
    def started(*options):
        command = [sys.executable, "-m", "secondpass", "serve", "--port", "0", "--name", "m"]
        model = ["--model", str(parity / "bert"), "--max-length", "64", "--precision", "fp32"]
        environment = os.environ | {
            "SECONDPASS_CACHE_DIR": str(tmp_path_factory.getbasetemp() / "cache")
        }
        with subprocess.Popen(
            [*command, *model, *options], stderr=subprocess.PIPE, env=environment, text=True
        ) as process:
            try:
                line = process.stderr.readline()
                port = int(re.search(r":(\d+),", line)[1])
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
                # The socket listens before the model is loaded: the answer comes when it is.
                connection.request("GET", "/health/ready")
                assert connection.getresponse().status == 200
                connection.close()
                yield process, port
            finally:
                process.kill()

    return started


@pytest.fixture
def connections():
    """Makes connections to a port, which are closed at the end."""
    with ExitStack() as opened:

        def connect(port):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
            opened.callback(connection.close)
            return connection

        yield connect


def half_sent(connection):
    """Begin a request on a connection, of which the rest is sent later."""
    connection.putrequest("POST", "/v2/rerank")
    connection.putheader("content-type", "application/json")
    connection.putheader("content-length", str(len(BODY)))
    connection.endheaders(BODY[:100])
    return connection


def answered(connection):
    """Ask something else; what was sent before this is in flight when it is answered."""
    connection.request("GET", "/health/live")
    assert connection.getresponse().read()
    return connection


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_what_is_in_flight_end_and_exits_with_0(start, connections, number):
    with start() as (process, port):
        waiting = [half_sent(connections(port)) for _ in range(3)]
        idle = answered(connections(port))
        process.send_signal(number)
        # The idle connection is closed: the server has begun to end.
        assert idle.sock.recv(1) == b""
        with pytest.raises(OSError):
            connections(port).connect()
        for connection in waiting:
            connection.send(BODY[100:])
            response = connection.getresponse()
            assert response.status == 200
            assert len(json.loads(response.read())["results"]) == len(TEXTS)
        assert process.wait(WAIT_S) == 0
        logged = [json.loads(line) for line in process.stderr.read().splitlines()]
        assert sum(line.get("route") == "/v2/rerank" for line in logged) == 3
        assert "csv" not in json.dumps(logged)


def test_who_does_not_end_in_time_is_given_up(start, connections):
    with start("--grace-s", "1") as (process, port):
        waiting = half_sent(connections(port))
        answered(connections(port))
        process.send_signal(signal.SIGTERM)
        response = waiting.getresponse()
        assert (response.status, response.getheader("retry-after")) == (503, "1")
        assert "the server is ending" in json.loads(response.read())["message"]
        assert process.wait(WAIT_S) == 0


def test_two_signals_while_a_request_is_scored_exit_by_a_status(start, connections):
    with start() as (process, port):
        half_sent(connections(port)).send(BODY[100:])
        answered(connections(port))
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        assert process.wait(WAIT_S) >= 0
