"""The MCP server, by the real client: in this process, and over the pipes of a started command."""

import json
import os
import subprocess
import sys
import threading
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
import pytest

mcp = pytest.importorskip("mcp", reason="the extra 'mcp' is not installed")
anyio = pytest.importorskip("anyio")

from mcp import Client, MCPError, StdioServerParameters, stdio_client  # noqa: E402

from secondpass import CrossEncoderReranker, Embedder, Index, SearchPipeline  # noqa: E402
from secondpass.errors import InputError, ModelFileError  # noqa: E402
from secondpass.integrations.mcp import build_server  # noqa: E402
from secondpass.scoring.tokenized import TokenizedText  # noqa: E402
from secondpass.testing import FakeReranker  # noqa: E402
from secondpass.types import RetrievedDocument  # noqa: E402

TEXTS = ["how to read a csv file", "the date", "a file"]
QUERY = "read a csv file"


class Found:
    """A first stage that finds three documents, as an index gives them."""

    def search(self, query, limit=10):
        texts = [TokenizedText(text, np.array([1, 2], np.int32), "tokenizer") for text in TEXTS]
        return [
            RetrievedDocument(f"d{at}", text, {"source": "a.md", "row": at}, 0.5 - at / 10)
            for at, text in enumerate(texts)
        ][:limit]


def talk(server, conversation, **options):
    """Return what a conversation gives, a function of a connected client."""

    async def main():
        async with Client(server, **options) as client:
            return await conversation(client)

    return anyio.run(main)


def call(server, name, arguments):
    return talk(server, lambda client: client.call_tool(name, arguments))


def fake_server(**more):
    return build_server(FakeReranker, **more)


def refusal(server, name, arguments):
    result = call(server, name, arguments)
    assert result.is_error
    assert result.structured_content is None
    (content,) = result.content
    return content.text


def tools_of(server):
    listed = talk(server, lambda client: client.list_tools())
    return {tool.name: tool for tool in listed.tools}


def test_search_is_offered_where_there_is_an_index():
    assert list(tools_of(fake_server())) == ["rerank"]
    assert list(tools_of(fake_server(open_index=Found))) == ["rerank", "search"]


def test_every_argument_has_a_type_and_a_description():
    for tool in tools_of(fake_server(open_index=Found)).values():
        schema = tool.input_schema
        assert schema["type"] == "object"
        assert schema["additionalProperties"] is False
        assert "query" in schema["required"]
        assert "top_k" not in schema["required"]
        for name, one in schema["properties"].items():
            assert one["description"], name
            assert "type" in one or "anyOf" in one, name
        assert tool.description
        assert tool.annotations.read_only_hint
    schema = tools_of(fake_server())["rerank"].input_schema
    assert schema["properties"]["texts"]["items"] == {"type": "string"}
    assert schema["properties"]["top_k"]["minimum"] == 1
    assert schema["properties"]["top_k"]["default"] == 10


def test_the_best_texts_come_first_with_their_positions():
    result = call(fake_server(), "rerank", {"query": QUERY, "texts": TEXTS, "top_k": 2})
    assert not result.is_error
    assert result.structured_content == {
        "results": [
            {"index": 0, "score": 1.0, "text": TEXTS[0], "truncated": False},
            {"index": 2, "score": 0.5, "text": TEXTS[2], "truncated": False},
        ],
        "dropped": 0,
    }


def test_the_result_is_there_as_text_too():
    result = call(fake_server(), "rerank", {"query": QUERY, "texts": ["größe", "文"]})
    (content,) = result.content
    assert json.loads(content.text) == result.structured_content


@pytest.mark.parametrize("texts", [[], [""]], ids=["no text", "an empty text"])
def test_few_texts_are_no_error(texts):
    result = call(fake_server(), "rerank", {"query": QUERY, "texts": texts})
    assert [one["text"] for one in result.structured_content["results"]] == texts


def test_a_search_gives_documents_with_both_scores():
    result = call(fake_server(open_index=Found), "search", {"query": QUERY, "top_k": 1})
    assert result.structured_content == {
        "results": [
            {
                "id": "d0",
                "score": 1.0,
                "similarity": 0.5,
                "text": TEXTS[0],
                "metadata": {"source": "a.md", "row": 0},
                "truncated": False,
            }
        ],
        "dropped": 0,
    }


def test_depth_is_what_a_search_reranks():
    reranker = FakeReranker()
    server = build_server(lambda: reranker, Found, depth=2)
    call(server, "search", {"query": QUERY})
    assert [len(texts) for _, texts in reranker.calls] == [2]


@pytest.fixture(scope="module")
def filtered(tmp_path_factory):
    """Make a server of an index of words and a declared column."""
    pytest.importorskip("lancedb", reason="the extra 'search' is not installed")
    place = tmp_path_factory.mktemp("filtered") / "index"
    index = Index.create(place, Embedder(), columns={"year": int})
    index.add(
        [
            {"id": f"d{at}", "text": f"{text} part{at}", "year": 2000 + at}
            for at, text in enumerate(TEXTS)
        ]
    )
    return lambda **more: build_server(FakeReranker, lambda: index, **more)


def ids_of(result):
    assert not result.is_error, result.content
    return [one["id"] for one in result.structured_content["results"]]


def test_a_condition_chooses_what_is_searched(filtered):
    arguments = {"query": QUERY, "where": "year >= 2001"}
    assert sorted(ids_of(call(filtered(), "search", arguments))) == ["d1", "d2"]
    assert ids_of(call(filtered(), "search", {**arguments, "where": None}))
    said = refusal(filtered(), "search", {"query": QUERY, "where": "lang = 'en'"})
    assert "'lang', which is not a declared column; the index declares ['year']" in said


@pytest.mark.parametrize(("mode", "found"), [("bm25", ["d1"]), ("hybrid", ["d0", "d1", "d2"])])
def test_a_server_searches_by_words_if_that_is_asked_for(filtered, mode, found):
    result = call(filtered(mode=mode), "search", {"query": "part1"})
    assert sorted(ids_of(result)) == found
    assert (result.structured_content["results"][0]["similarity"] is None) == (mode == "bm25")


def test_a_first_stage_without_modes_or_conditions_says_so():
    said = refusal(fake_server(open_index=Found), "search", {"query": QUERY, "where": "a = 1"})
    assert said == "where is not taken by this server's index: leave it out"
    said = refusal(fake_server(open_index=Found, mode="hybrid"), "search", {"query": QUERY})
    assert "needs a first stage with `search_terms`" in said
    with pytest.raises(InputError, match="mode is 'words', expected one of"):
        build_server(FakeReranker, Found, mode="words")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, "the call of rerank has no `query`"),
        ({"query": QUERY}, "the call of rerank has no `texts`"),
        ({"query": 7, "texts": []}, "query 7, expected text"),
        ({"query": QUERY, "texts": "one text"}, "texts 'one text', expected a list"),
        ({"query": QUERY, "texts": ["a", None]}, "texts[1] null, expected text"),
        (
            {"query": QUERY, "texts": ["a"], "top_k": 0},
            "top_k 0, expected an integer of at",
        ),
        ({"query": QUERY, "texts": ["a"], "top_k": "many"}, "top_k 'many', expected an integer"),
        ({"query": QUERY, "texts": ["a"], "min_score": []}, "min_score [], expected a number"),
        (
            {"query": QUERY, "text": ["a"]},
            "no argument 'text', only query, texts, top_k",
        ),
        ({"querry": QUERY, "texts": []}, "did you mean 'query'?"),
        ({"query": " ", "texts": ["a"]}, "query ' ' is empty"),
    ],
)
def test_an_error_is_ours_for_the_language_model_to_read(arguments, expected):
    assert expected in refusal(fake_server(), "rerank", arguments)


def test_a_long_value_is_shortened():
    said = refusal(fake_server(), "rerank", {"query": QUERY, "texts": "x" * 5000})
    assert len(said) < 300


def test_a_number_as_text_is_the_number():
    result = call(fake_server(), "rerank", {"query": QUERY, "texts": TEXTS, "top_k": "1"})
    assert len(result.structured_content["results"]) == 1


def test_a_tool_that_is_not_there_is_an_error_of_the_protocol():
    async def conversation(client):
        with pytest.raises(MCPError, match="there is no tool 'search', only rerank"):
            await client.call_tool("search", {"query": QUERY})

    talk(fake_server(), conversation)


def test_nothing_is_loaded_before_it_is_needed_and_then_once():
    loads = []

    def load():
        loads.append("reranker")
        return FakeReranker()

    def open_index():
        loads.append("index")
        return Found()

    async def conversation(client):
        await client.list_tools()
        seen = [list(loads)]
        async with anyio.create_task_group() as group:
            for _ in range(4):
                arguments = {"query": QUERY, "texts": TEXTS}
                group.start_soon(client.call_tool, "rerank", arguments)
        seen.append(list(loads))
        await client.call_tool("search", {"query": QUERY})
        return [*seen, list(loads)]

    server = build_server(load, open_index)
    before, after_rerank, after_search = talk(server, conversation)
    assert before == []
    assert after_rerank == ["reranker"]
    assert after_search == ["reranker", "index"]


def test_a_model_that_cannot_be_loaded_is_an_error_and_tried_again():
    tries = []

    def load():
        tries.append(None)
        if len(tries) == 1:
            raise ModelFileError("weights.bin is damaged")
        return FakeReranker()

    server = build_server(load)
    arguments = {"query": QUERY, "texts": TEXTS}
    assert refusal(server, "rerank", arguments) == "weights.bin is damaged"
    assert not call(server, "rerank", arguments).is_error


def test_an_error_is_told_as_the_caller_asks():
    server = build_server(FakeReranker, tell=lambda error: f"no: {type(error).__name__}")
    assert refusal(server, "rerank", {"query": "", "texts": ["a"]}) == "no: InputError"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("on fire"), "rerank failed: RuntimeError: 'on fire'"),
        (MemoryError(), "rerank failed: MemoryError: ''"),
        (ValueError("x" * 5000), "rerank failed: ValueError: 'xxx"),
    ],
)
def test_what_nobody_foresaw_is_an_answer_too(error, said, caplog):
    def fail(*_):
        raise error

    server = build_server(partial(FakeReranker, on_call=fail))
    told = refusal(server, "rerank", {"query": QUERY, "texts": TEXTS})
    assert told.startswith(said)
    assert len(told) < 150
    assert "a call of rerank failed" in caplog.text


def test_metadata_that_json_has_not_are_said_as_json_can():
    class Odd(Found):
        def search(self, query, limit=10):
            metadata = {
                "day": date(2020, 1, 31),
                "size": np.float32(0.5),
                "many": np.arange(2),
                "none": float("nan"),
                "tags": {"a"},
                "path": Path("a/b"),
            }
            return [RetrievedDocument("d", "text", metadata, 0.5)]

    result = call(fake_server(open_index=Odd), "search", {"query": QUERY})
    assert result.structured_content["results"][0]["metadata"] == {
        "day": "2020-01-31",
        "size": 0.5,
        "many": [0, 1],
        "none": None,
        "tags": ["a"],
        "path": str(Path("a/b")),
    }
    assert json.loads(result.content[0].text) == result.structured_content


def test_others_are_answered_while_a_call_is_under_way():
    go_on, begun = threading.Event(), threading.Event()

    def wait(query, texts):
        begun.set()
        assert go_on.wait(60)

    async def conversation(client):
        results = []

        async def rerank():
            results.append(await client.call_tool("rerank", {"query": QUERY, "texts": TEXTS}))

        async with anyio.create_task_group() as group:
            group.start_soon(rerank)
            await anyio.to_thread.run_sync(begun.wait)
            listed = await client.list_tools()
            between = len(results)
            go_on.set()
        return listed, between, results

    listed, between, results = talk(build_server(partial(FakeReranker, on_call=wait)), conversation)
    assert [tool.name for tool in listed.tools] == ["rerank"]
    assert between == 0
    assert not results[0].is_error


def test_the_embedded_model_ranks_as_in_the_library():
    with CrossEncoderReranker() as reranker:
        ranking = reranker.rank(QUERY, TEXTS, min_score=0.01)
        server = build_server(lambda: reranker)
        arguments = {"query": QUERY, "texts": TEXTS, "min_score": 0.01}
        given = call(server, "rerank", arguments).structured_content
    assert [one["index"] for one in given["results"]] == [hit.index for hit in ranking]
    assert [one["score"] for one in given["results"]] == pytest.approx(
        [hit.score for hit in ranking], abs=1e-6
    )
    assert given["dropped"] == ranking.timings.dropped


# Over the pipes of a process that the client starts.


def started(*arguments, code=None):
    """Return what starts `secondpass mcp`, or a script, with this test's caches."""
    passed = {name: os.environ[name] for name in ("SECONDPASS_CACHE_DIR", "HF_HUB_OFFLINE")}
    words = ["-m", "secondpass", "mcp", *arguments] if code is None else ["-c", code]
    return StdioServerParameters(command=sys.executable, args=words, env=passed)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    pytest.importorskip("lancedb", reason="the extra 'search' is not installed")
    place = tmp_path_factory.mktemp("mcp") / "index"
    index = Index.create(place, Embedder())
    index.add([{"id": f"d{at}", "text": text, "source": "a.md"} for at, text in enumerate(TEXTS)])
    return place


@pytest.fixture(scope="module")
def best(folder):
    """The ids of the two best documents, as the library finds them."""
    with CrossEncoderReranker() as reranker:
        pipeline = SearchPipeline(Index.open(folder, Embedder()), reranker, 3)
        return [hit.document.id for hit in pipeline.search(QUERY, 2)]


async def rerank_and_search(client):
    return (
        [tool.name for tool in (await client.list_tools()).tools],
        await client.call_tool("rerank", {"query": QUERY, "texts": TEXTS, "top_k": 1}),
        await client.call_tool("search", {"query": QUERY, "top_k": 2}),
        await client.call_tool("search", {"query": ""}),
    )


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_the_command_reranks_and_searches(mode, folder, best):
    names, reranked, found, refused = talk(
        started("--index", str(folder), "--depth", "3"), rerank_and_search, mode=mode
    )
    assert names == ["rerank", "search"]
    assert [one["index"] for one in reranked.structured_content["results"]] == [0]
    assert [one["id"] for one in found.structured_content["results"]] == best
    assert found.structured_content["results"][0]["metadata"] == {"source": "a.md"}
    assert refused.is_error
    assert "query '' is empty" in refused.content[0].text


def test_an_option_is_named_as_the_command_has_it():
    arguments = {"query": "csv " * 30, "texts": TEXTS}
    said = refusal(started("--max-length", "20"), "rerank", arguments)
    assert "--max-length is 20" in said
    assert "max_length" not in said


NOISY = """
import os, sys
from secondpass.integrations.mcp import build_server, serve_stdio
from secondpass.testing import FakeReranker

def noise(query, texts):
    print("printed and not flushed")
    os.write(1, b"written past Python\\n")

serve_stdio(build_server(lambda: FakeReranker(on_call=noise)))
"""


def test_what_is_printed_goes_to_standard_error(tmp_path):
    log = tmp_path / "stderr"
    with log.open("w") as stream:
        transport = stdio_client(started(code=NOISY), errlog=stream)
        result = call(transport, "rerank", {"query": QUERY, "texts": TEXTS})
    assert not result.is_error
    said = log.read_text()
    assert "printed and not flushed" in said
    assert "written past Python" in said


def test_standard_output_is_the_protocols_alone():
    request = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    done = subprocess.run(
        [sys.executable, "-c", NOISY],
        input=json.dumps(request) + "\n",
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in lines)


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "secondpass", "mcp", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--index", "nowhere"], "there is no index in"),
        (["--model", "./nowhere"], "nowhere"),
        (["--max-length", "0"], "--max-length"),
        (["--depth", "0"], "--depth"),
    ],
)
def test_what_cannot_be_used_is_known_at_the_start(arguments, expected):
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


MALFORMED = [
    *("not json", '{"jsonrpc": "2.0", "id": 1,', "[]", "3", "null", "", '{"id": 1}'),
    '{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": [1]}',
    '{"jsonrpc": "2.0", "id": 1, "method": "' + "[" * 50_000 + '"}',
]


def test_lines_that_are_no_requests_stop_nothing():
    """The last line is answered, whatever comes before it."""
    request = json.dumps({"jsonrpc": "2.0", "id": 9, "method": "ping"})
    with subprocess.Popen(
        [sys.executable, "-c", NOISY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        server.stdin.write("".join(f"{line}\n" for line in (*MALFORMED, request)))
        server.stdin.flush()
        answers = iter(server.stdout.readline, "")
        assert any(json.loads(line).get("id") == 9 for line in answers)
        server.stdin.close()
        assert server.wait(timeout=60) == 0


def test_it_ends_with_its_client():
    done = run()
    assert done.returncode == 0
    assert done.stdout == ""


def test_the_extra_is_named_where_it_is_missing(monkeypatch, capsys):
    from secondpass.cli import extras
    from secondpass.cli.main import main

    monkeypatch.setitem(extras._MODULES, "mcp", ("anyio", "no_such_module"))
    with pytest.raises(SystemExit) as ended:
        main(["mcp"])
    assert ended.value.code == 2
    assert "secondpass mcp needs the extra 'mcp'" in capsys.readouterr().err
