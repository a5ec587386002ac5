"""secondpass bench as a person or a script meets it."""

import json
import os
import subprocess
import sys

import pytest

COMMAND = [sys.executable, "-m", "secondpass", "bench"]


def bench(*arguments):
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, env=os.environ
    )


@pytest.fixture(scope="module")
def candidates(tmp_path_factory):
    file = tmp_path_factory.mktemp("bench") / "candidates.jsonl"
    texts = [f"Read the csv file of row {at} and close it." for at in range(30)]
    file.write_text("\n".join(json.dumps({"text": text}) for text in texts))
    return file


def test_fixed_candidates_give_the_table_the_json_and_the_page(candidates, tmp_path, parity):
    done = bench(
        *("--candidates", candidates, "--model", parity / "bert", "--max-length", 64),
        *("-n", 21, "--warm-up", 1, "--depths", "5,10", "--precision", "fp32", "--depth", 10),
        *("--json-out", tmp_path / "bench.json", "--html", tmp_path / "bench.html"),
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    (header,) = (line for line in lines if line.startswith("stage"))
    assert header.split() == ["stage", "P50", "ms", "P95", "ms", "P99", "ms", "mean", "ms"]
    (rerank,) = (line for line in lines if line.startswith("rerank "))
    assert rerank.split()[-2] == "–"  # P99 of 21 queries
    assert "fp32 weights" in done.stdout
    assert "note: P99 is not supported by 21 queries: at least 100 are needed" in done.stderr
    assert "no dense stage to compare with" in done.stderr
    written = json.loads((tmp_path / "bench.json").read_text())
    assert written["setting"]["command"].startswith("secondpass bench --candidates")
    assert len(written["measured"]) == 21
    assert written["measured"][0]["times"]["candidates"] == 10
    assert "<svg" in (tmp_path / "bench.html").read_text()


def test_an_index_gives_the_dense_stage_and_the_ratio(tmp_path):
    rows = [{"id": str(at), "text": f"Read the csv file of row {at}."} for at in range(12)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "queries.txt").write_text("read a csv file\nclose a file\n")
    made = subprocess.run(
        [*COMMAND[:3], "index", str(tmp_path / "rows.jsonl"), "--into", str(tmp_path / "index")],
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    done = bench(
        *("--index", tmp_path / "index", "--queries", tmp_path / "queries.txt"),
        *("-n", 3, "--warm-up", 0, "--depths", "none", "--json-out", tmp_path / "bench.json"),
    )
    assert done.returncode == 0, done.stderr
    assert "12 vectors of 384 numbers" in done.stdout
    assert "3 measured, 2 of them distinct" in done.stdout
    rows = json.loads((tmp_path / "bench.json").read_text())["rows"]
    assert [row["key"] for row in rows][-2:] == ["pipeline_ms", "ratio"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--depths", "10,x"], "--depths is '10,x', expected integers"),
        (["--depths", "0"], "--depths is '0'"),
        (["--rate", "0"], "--rate"),
        (["--candidates", "missing.jsonl"], "missing.jsonl cannot be read"),
        (["--candidates", "a", "--index", "b"], "leave --index out"),
        (["--index", "missing"], "there is no index in"),
        (["--json-out", "missing/x.json"], "missing/x.json cannot be written: there is no folder"),
    ],
)
def test_what_cannot_be_measured_is_one_line_and_status_2(arguments, message):
    done = bench(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


# Sends itself Ctrl-C when the third query is measured.
INTERRUPTED = """
import os, signal, sys
from contextlib import contextmanager
from secondpass.cli import output
from secondpass.cli.main import main

@contextmanager
def progress(description, total=None):
    advances = []
    def advance(count):
        advances.append(count)
        if description == "measuring" and len(advances) == 3:
            os.kill(os.getpid(), signal.SIGINT)
    yield advance

# A suite that runs in the background of a shell has it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
output.progress = progress
main(sys.argv[1:])
"""


@pytest.mark.skipif(os.name == "nt", reason="needs SIGINT")
def test_ctrl_c_prints_what_has_been_measured_marked_incomplete(candidates, tmp_path, parity):
    done = subprocess.run(
        [
            *(sys.executable, "-c", INTERRUPTED, "bench", "--candidates", str(candidates)),
            *("--model", str(parity / "bert"), "--max-length", "64", "-n", "1000"),
            *("--warm-up", "0", "--json-out", str(tmp_path / "bench.json")),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 130, done.stderr
    assert "INCOMPLETE, interrupted: Reranking 30 candidates" in done.stdout
    assert "note: interrupted after " in done.stderr
    written = json.loads((tmp_path / "bench.json").read_text())
    assert written["complete"] is False
    assert 3 <= len(written["measured"]) < 1000


@pytest.mark.parametrize("rate", ["nan", "inf", "0", "-1", "1e-320", "1e9"])
def test_a_rate_that_nobody_could_ask_at_is_refused(rate, capsys):
    from secondpass.cli.main import main

    with pytest.raises(SystemExit) as ended:
        main(["bench", "--rate", rate])
    assert ended.value.code == 2
    assert "--rate" in capsys.readouterr().err
