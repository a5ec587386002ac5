"""The command as a person or a script meets it: exit status, one-line errors, JSON Lines."""

import json
import subprocess
import sys

import pytest

from secondpass import __version__

CANDIDATES = [
    {"text": "Bananas are yellow and grow in bunches.", "id": 1},
    {"content": "The csv module reads comma separated files row by row.", "id": 2},
    {"text": "", "id": 3},
]


def secondpass(*arguments, stdin=None, **environment):
    import os

    return subprocess.run(
        [sys.executable, "-m", "secondpass", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        env=os.environ | environment,
    )


@pytest.fixture
def jsonl(tmp_path):
    file = tmp_path / "candidates.jsonl"
    file.write_text("\n".join(map(json.dumps, CANDIDATES)))
    return file


def objects(done):
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_rerank_prints_json_lines_into_a_pipe_best_first(jsonl):
    found = objects(secondpass("rerank", "how do I read a csv file", jsonl))
    assert found[0]["id"] == 2
    assert {one["id"] for one in found} == {1, 2, 3}
    scores = [one.pop("cross_encoder_score") for one in found]
    assert scores == sorted(scores, reverse=True)
    assert all(one in CANDIDATES for one in found)


@pytest.mark.parametrize("form", ["lines", "array", "strings", "bom"])
def test_candidates_come_as_lines_an_array_or_strings_from_standard_input(form):
    text = {
        "lines": "\n\n".join(map(json.dumps, CANDIDATES)),
        "array": json.dumps(CANDIDATES, indent=2),
        "strings": json.dumps([one.get("text", one.get("content")) for one in CANDIDATES]),
        "bom": "\ufeff" + "\n".join(map(json.dumps, CANDIDATES)),
    }[form]
    found = objects(secondpass("rerank", "read a csv file", "--top-k", 1, stdin=text))
    (best,) = found
    assert "csv module" in best.get("content", best.get("text"))


def test_empty_input_gives_empty_output():
    assert objects(secondpass("rerank", "query", stdin="")) == []
    assert objects(secondpass("rerank", "query", stdin="[]")) == []


def test_truncation_is_said_once_on_standard_error():
    lines = "\n".join(json.dumps({"text": "word " * 900}) for _ in range(3))
    done = secondpass("rerank", "query", "--max-length", 64, stdin=lines)
    assert objects(done)
    assert done.stderr.strip() == (
        # 59 of 900 words fit beside the query and four special tokens.
        "note: 3 of 3 texts are longer than --max-length 64 tokens and were cut: 2523 tokens were "
        "not scored (--long-documents max scores them)"
    )


def test_text_in_other_scripts_passes_through_unchanged():
    text = "שלום 你好 🙂 é"
    (found,) = objects(secondpass("rerank", "hello", stdin=json.dumps({"text": text})))
    assert found["text"] == text


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (["rerank", "q"], '{"tex": "a"}', "input line 1 has neither 'text' nor 'content'"),
        (["rerank", "q"], '{"text": 3}', "input line 1: 'text' is the number 3"),
        (
            ["rerank", "q"],
            '{"text": "\\ud800"}',
            "line 1: 'text' has a lone surrogate U+D800",
        ),
        (["rerank", "q"], '{"text": "a"}\n{', "standard input line 2 is not valid JSON"),
        (["rerank", "q"], "[1, ", "begins with '[' but is not valid JSON"),
        (["rerank", " "], '{"text": "a"}', "query ' ' is empty"),
        (["rerank", "q", "/no/such/file"], None, "/no/such/file cannot be read"),
        (["rerank", "q", "--top-k", "0"], "[]", "--top-k"),
        (["rerank", "q", "--precision", "fp8"], "[]", "fp8"),
        (["rerank", "q", "--max-length", "9999"], "[]", "--max-length 9999 is more than the 512"),
        (["rerank", "q", "--precision", "fp32"], "[]", "holds an int8 graph only"),
        (["rerank", "q", "--model", "./nowhere"], "[]", "no model folder './nowhere'"),
        (["rerank", "q", "--model", "some/model"], "[]", "config.json of hub model 'some/model'"),
        (["rerank"], None, "QUERY"),
        (["search", "q", "--index", "/no/such/index"], None, "no index in /no/such/index"),
        (["search", "q"], None, "--index"),
        (["index", "/no/such/path", "--into", "x"], None, "/no/such/path"),
        (["nonsense"], None, "nonsense"),
    ],
)
def test_the_callers_mistakes_are_one_line_and_status_2(arguments, stdin, message):
    done = secondpass(*arguments, stdin=stdin)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("secondpass: ")
    assert message in line


def test_a_reader_that_goes_away_is_no_traceback(jsonl):
    done = subprocess.run(
        f"{sys.executable} -m secondpass rerank csv {jsonl} | true",
        shell=True,
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in done.stderr


def test_version_and_help():
    assert secondpass("--version").stdout.split()[-1] == __version__
    text = secondpass("--help").stdout
    for name in ("rerank", "index", "search", "models", "demo"):
        assert name in text
        assert secondpass(name, "--help").returncode == 0


def test_models_lists_what_needs_no_download(tmp_path, parity):
    from secondpass import CrossEncoderReranker

    CrossEncoderReranker(parity / "bert", 64, precision="fp32", cache_dir=tmp_path)
    found = objects(secondpass("models", SECONDPASS_CACHE_DIR=str(tmp_path)))
    by_kind = {}
    for one in found:
        by_kind.setdefault(one["kind"], []).append(one)
    embedded = {one["model"]: one for one in by_kind["embedded"]}
    assert set(embedded) == {
        "embedded/cross-encoder",
        "embedded/accurate",
        "embedded/bi-encoder",
    }
    assert all(one["precision"] == "int8" and 20 < one["mb"] < 40 for one in embedded.values())
    assert all(len(one["sha256"]) == 64 for one in found)
    (graph,) = by_kind["graph"]
    assert graph["precision"] == "fp32"


def test_index_and_search(tmp_path):
    pytest.importorskip("lancedb")
    files, folder = tmp_path / "files", tmp_path / "index"
    files.mkdir()
    (files / "a.md").write_text("# Files\n\nThe csv module reads comma separated files.\n")
    (files / "b.txt").write_text("Bananas are yellow.")
    (files / "c.jsonl").write_text('{"id": "wool", "text": "Sheep give wool.", "kind": "farm"}\n')
    (files / "d.bin").write_bytes(b"\x00")
    first = secondpass("index", files, "--into", folder)
    assert first.returncode == 0, first.stderr
    assert "3 added, 0 unchanged, 0 removed; 3 documents from 3 files" in first.stdout
    assert "skipped 1 file of other kinds" in first.stderr
    (files / "b.txt").write_text("Bananas are green before they are ripe.")
    again = secondpass("index", files, "--into", folder)
    assert "1 added, 2 unchanged, 1 removed; 3 documents" in again.stdout
    found = objects(secondpass("search", "animal fibre", "--index", folder, "--top-k", 2))
    assert found[0]["id"] == "wool"
    assert found[0]["metadata"]["kind"] == "farm"
    assert [one["rank"] for one in found] == [1, 2]
    assert set(found[0]) >= {"text", "similarity", "first_rank", "cross_encoder_score"}
