"""`secondpass rerank --server`: the same command, with the model in a server."""

import json
import socket
from pathlib import Path

import numpy as np
import pytest
from fake_service import FakeService
from live_server import live_server

from secondpass import CrossEncoderReranker, EngineError, InputError, RankOptions
from secondpass.cli.main import main
from secondpass.options.model import RerankerOptions
from secondpass.serve.batching import BatchingService
from secondpass.serve.contract import Answer
from secondpass.serve.models import ModelEntry
from secondpass.serve.remote import RemoteReranker
from secondpass.serve.wire.native import NativeResponse, _write, scores_of

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
LONG = "Cows give milk to people. " * 150 + "csv.reader reads rows of a file."
CANDIDATES = [
    {"text": "Cows give milk.", "score": 3.0, "id": 1},
    {"text": "csv.reader returns the rows of a csv file.", "score": 1.0, "id": 2},
    {"content": "", "score": 2.5, "id": 3},
    {"text": LONG, "score": 0.5, "id": 4},
]
QUERY = "how do I read a csv file?"


@pytest.fixture(scope="module")
def embedded():
    entries = [
        ModelEntry("embedded", RerankerOptions(), ("mine",)),
        ModelEntry("windows", RerankerOptions(long_documents="max")),
    ]
    with live_server(BatchingService(entries)) as (host, port):
        yield f"http://{host}:{port}"


@pytest.fixture(scope="module")
def fake():
    with live_server(FakeService()) as (host, port):
        yield f"http://{host}:{port}"


def printed(capsys, *arguments):
    status = main(["rerank", *arguments])
    out, err = capsys.readouterr()
    return status, [json.loads(line) for line in out.splitlines()], err


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "candidates.jsonl"
    path.write_text("\n".join(map(json.dumps, CANDIDATES)))
    return str(path)


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--top-k", "2"],
        ["--min-score", "0.2"],
        ["--fuse", "rrf"],
        ["--fuse", "weighted", "--fuse-weight", "0.4"],
        ["--effort", "fast"],
        ["--budget-ms", "60000"],
        ["--long-query", "truncate"],
    ],
    ids=" ".join,
)
def test_the_command_prints_the_same(options, embedded, file, capsys):
    _, local, said = printed(capsys, QUERY, file, *options)
    _, remote, said_remotely = printed(capsys, QUERY, file, *options, "--server", embedded)
    assert [list(one) for one in remote] == [list(one) for one in local]
    for one, other in zip(remote, local, strict=True):
        for name, value in other.items():
            expected = pytest.approx(value, abs=1e-3) if isinstance(value, float) else value
            assert one[name] == expected, name
    assert ("tokens were not scored" in said) == ("tokens were not scored" in said_remotely)


def test_a_model_is_asked_for_by_a_name_of_the_server(embedded, file, capsys):
    _, plain, _ = printed(capsys, QUERY, file, "--server", embedded, "--model", "mine")
    _, in_windows, _ = printed(capsys, QUERY, file, "--server", embedded, "--model", "windows")
    window = next(one["window"] for one in in_windows if one["id"] == 4)
    assert LONG[slice(*window)].endswith("csv.reader reads rows of a file.")
    assert not any("window" in one for one in plain)


def test_a_query_that_was_cut_is_said(embedded, file, capsys):
    asked = ["word " * 600, file, "--server", embedded, "--long-query", "truncate"]
    _, rows, said = printed(capsys, *asked)
    assert all(one["query_truncated"] for one in rows)
    assert "the query was cut" in said


def test_a_candidate_that_cannot_be_scored_is_skipped(embedded, capsys, tmp_path):
    path = tmp_path / "some.jsonl"
    path.write_text('{"text": "csv"}\n{"text": 5}\n{"text": "milk"}\n')
    _, rows, _ = printed(capsys, QUERY, str(path), "--server", embedded, "--on-error", "skip")
    assert [row["text"] for row in rows][-1] == 5
    assert "error" in rows[-1]


def failed(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(["rerank", *arguments])
    return ended.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    "option",
    [["--max-length", "128"], ["--precision", "fp32"], ["--threads", "1"], ["--keep", "3"],
     ["--long-documents", "max"], ["--cache", "somewhere"], ["--cascade", "small"]],
)  # fmt: skip
def test_what_only_the_server_has_is_refused(option, fake, file, capsys):
    status, said = failed(capsys, QUERY, file, "--server", fake, *option)
    assert (status, said) == (
        2,
        f"secondpass: {option[0]} has no use beside --server: start the server with it\n",
    )


@pytest.mark.parametrize(
    "url", ["", "localhost:8000", "ftp://localhost", "http://", "file:///etc/passwd"]
)
def test_what_is_no_address_is_refused(url, file, capsys):
    status, said = failed(capsys, QUERY, file, "--server", url)
    assert status == 2
    assert "expected an address" in said


def test_where_nobody_answers_the_way_out_is_said(file, capsys):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    status, said = failed(capsys, QUERY, file, "--server", f"http://127.0.0.1:{port}")
    assert status == 2
    assert "start one with secondpass serve" in said


@pytest.mark.parametrize(
    ("query", "kind"), [("failed", EngineError), ("busy", InputError), ("closed", EngineError)]
)
def test_an_error_of_the_server_is_one_of_ours(query, kind, fake):
    with pytest.raises(kind, match="the server at http"):
        RemoteReranker(fake).rank_candidates(query, CANDIDATES, RankOptions())


def test_a_model_that_the_server_does_not_have_is_named(fake):
    with pytest.raises(InputError, match=r"'nobody' not found.*'fake'"):
        RemoteReranker(fake, model="nobody").rank_candidates(QUERY, CANDIDATES, RankOptions())


def test_the_key_is_that_of_the_environment(monkeypatch):
    with live_server(FakeService(), keys=["k"]) as (host, port):
        remote = RemoteReranker(f"http://{host}:{port}")
        monkeypatch.setenv("SECONDPASS_API_KEY", "k")
        assert len(remote.rank_candidates("milk", CANDIDATES, RankOptions())) == 4
        monkeypatch.delenv("SECONDPASS_API_KEY")
        with pytest.raises(
            InputError, match=r"no key was given.*environment variable SECONDPASS_API_KEY"
        ):
            remote.rank_candidates("milk", CANDIDATES, RankOptions())


def test_a_proxy_is_not_asked_for_this_machine(fake, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert len(RemoteReranker(fake).rank_candidates("milk", CANDIDATES, RankOptions())) == 4


def test_another_kind_of_server_is_said_to_be_one():
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    class Other(BaseHTTPRequestHandler):
        def do_POST(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>hello</html>")

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Other)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        with pytest.raises(InputError, match="is not a server of secondpass"):
            RemoteReranker(f"http://127.0.0.1:{server.server_port}").rank_candidates(
                "milk", CANDIDATES, RankOptions()
            )
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("documents", ["truncate", "max", "select"])
def test_scores_come_back_as_they_were(documents):
    import msgspec

    with CrossEncoderReranker(long_documents=documents) as reranker:
        texts = [one.get("text", "") for one in CANDIDATES]
        scores = reranker.score(QUERY, texts * 20, budget_ms=60_000)
    written = msgspec.json.encode(_write([Answer("x", scores)]))
    again = scores_of(msgspec.json.decode(written, type=NativeResponse))
    assert again.timings == scores.timings
    for name in ("logits", "scores", "exit_layer", "scored_by", "tokens", "dropped_tokens", "span"):
        column, other = getattr(again, name), getattr(scores, name)
        assert column.dtype == other.dtype
        np.testing.assert_array_equal(column, other)
    assert list(again.spans) == list(scores.spans)


def test_what_was_not_scored_comes_back_without_a_score(fake):
    options = RankOptions(budget_ms=2)
    ranking = RemoteReranker(fake).rank_candidates("milk", CANDIDATES, options)
    assert [hit.reranked for hit in ranking] == [True, True, False, False]
    assert [hit.score for hit in ranking][2:] == [None, None]


def test_the_client_loads_no_engine_and_no_server():
    import subprocess
    import sys

    code = "import secondpass.serve.remote, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not {"openvino", "starlette", "uvicorn", "anyio", "tokenizers"} & set(
        loaded.stdout.split()
    )


def test_a_wrong_key_says_where_it_came_from(monkeypatch):
    with live_server(FakeService(), keys=["k"]) as (host, port):
        monkeypatch.setenv("SECONDPASS_API_KEY", "other")
        with pytest.raises(InputError, match=r"not one of this server's.*SECONDPASS_API_KEY"):
            RemoteReranker(f"http://{host}:{port}").rank_candidates("q", [], RankOptions())
