"""A server that listens, in a thread of the test, with the fake service."""

import socket
import threading
from contextlib import contextmanager

from fake_service import FakeService

from secondpass.options.serve import ServeOptions
from secondpass.serve.app import build_app
from secondpass.serve.keys import Keys
from secondpass.serve.run import listen, server_of


@contextmanager
def live_server(service=None, keys=(), index=None, routes=(), **options):
    """Yield host and port."""
    checked = ServeOptions(port=0, **options)
    opened = listen(checked)
    answers = threading.Event()
    app = build_app(service or FakeService(), checked, Keys(list(keys)), index=index, routes=routes)
    server = server_of(app, checked, answers.set)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]})
    thread.start()
    try:
        assert answers.wait(30)
        yield opened.getsockname()
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()


def talk(address, *parts, half_close=False, timeout=20):
    """Send parts of a request and return all that comes until the server closes or is silent."""
    with socket.create_connection(address, timeout) as connection:
        received = b""
        try:
            for part in parts:
                connection.sendall(part)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65536):
                received += chunk
        except (ConnectionError, BrokenPipeError):
            pass
        return received


def head(path="/rerank", length=None, **more):
    """Return the head of a POST whose connection ends with the response."""
    lines = [f"POST {path} HTTP/1.1", "host: 127.0.0.1", "content-type: application/json"]
    lines += ["connection: close"]
    lines += [] if length is None else [f"content-length: {length}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in more.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def status(response):
    return int(response.split(b" ", 2)[1])
