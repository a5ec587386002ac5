"""`secondpass serve`: what it refuses before it serves, each in one line."""

import socket

import pytest

from secondpass.cli import serve as serve_command
from secondpass.cli.main import main


@pytest.fixture(autouse=True)
def _no_key(monkeypatch):
    monkeypatch.delenv("SECONDPASS_API_KEY", raising=False)


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(["serve", "--port", "0", *arguments])
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return ended.value.code, said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "./nowhere"], "there is no model folder './nowhere'"),
        (["--also", "./nowhere"], "there is no model folder './nowhere'"),
        (["--also", "mine=./nowhere"], "there is no model folder './nowhere'"),
        (["--also", "mine="], "expected MODEL or NAME=MODEL"),
        (["--also", "=embedded/accurate"], "expected MODEL or NAME=MODEL"),
        (["--also", ""], "expected MODEL or NAME=MODEL"),
        (["--also", "embedded/cross-encoder"], "two models are called 'embedded/cross-encoder'"),
        (["--name", "a", "--also", "a=embedded/accurate"], "two models are called 'a'"),
        (["--cascade", "embedded/accurate", "--also", "embedded/accurate"], "--cascade"),
        (["--host", "0.0.0.0"], "there is no key"),
        (["--host", "no such host", "--no-auth"], "cannot listen on 'no such host'"),
        (["--host", "192.0.2.1", "--no-auth"], "cannot listen on '192.0.2.1'"),
        (["--api-key-file", "nowhere"], "the key file 'nowhere' cannot be read"),
        (["--api-key-file", "nowhere", "--no-auth"], "--no-auth has no use beside --api-key-file"),
        (["--index", "nowhere"], "there is no index in"),
        (["--max-documents", "0"], "--max-documents"),
        (["--timeout-s", "0"], "--timeout-s"),
        (["--effort", "quick"], "--effort"),
        (["--long-documents", "max", "--effort", "fast"], "--effort"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_served_is_one_line(arguments, said, capsys):
    status, line = refused(capsys, *arguments)
    assert status == 2
    assert said in line


def test_a_port_that_is_taken_is_named(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        status, line = refused(capsys, "--port", port)
    assert status == 2
    assert f"port {port}" in line
    assert "--port" in line


def test_the_extra_is_named_where_it_is_missing(capsys, monkeypatch):
    from secondpass.cli import extras

    monkeypatch.setitem(extras._MODULES, "serve", ("starlette", "no_such_module"))
    status, line = refused(capsys)
    assert status == 2
    assert "secondpass serve needs the extra 'serve'" in line
    assert serve_command.command.name == "serve"
