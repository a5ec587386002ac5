"""secondpass batch as a person or a script meets it."""

import json
import os
import signal
import subprocess
import sys
import time

import pyarrow.dataset
import pytest

ROWS = [
    {
        "id": f"q{at}",
        "query": f"csv {at}",
        "documents": [f"row {one} {at}" for one in range(at % 5)],
    }
    for at in range(20)
]


@pytest.fixture
def batch(tmp_path, parity):
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    model = ("--model", parity / "bert", "--max-length", 64, "--precision", "fp32")

    def run(*arguments, model=model, **more):
        command = [sys.executable, "-m", "secondpass", "batch", *map(str, (*arguments, *model))]
        return subprocess.run(
            command, capture_output=True, text=True, cwd=tmp_path, env=os.environ | more
        )

    return run


def results(folder):
    found = pyarrow.dataset.dataset(folder, format="parquet").to_table().to_pylist()
    return sorted(found, key=lambda row: row["row"])


def test_rows_are_scored_once(batch, tmp_path):
    done = batch("rows.jsonl", "--out", "out", "--shard-pairs", 10)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "out: 40 pairs of 20 rows in 5 files, 5 of them scored now\n"
    assert [row["id"] for row in results(tmp_path / "out")] == [row["id"] for row in ROWS]
    again = batch("rows.jsonl", "--out", "out", "--shard-pairs", 10, "--json")
    counts = json.loads(again.stdout)
    assert (counts["pairs"], counts["scored_pairs"], counts["shards"]) == (40, 0, 5)


def test_a_run_with_its_texts_is_scored(batch, tmp_path):
    (tmp_path / "queries.jsonl").write_text('{"_id": "q1", "text": "csv"}\n')
    (tmp_path / "corpus.csv").write_text("id;body\nd1;row of a file\nd2;wool\n")
    (tmp_path / "run.trec").write_text("q1 Q0 d2 1 9 x\nq1 Q0 d1 2 8 x\n")
    files = ("--queries", "queries.jsonl", "--run", "run.trec", "--corpus", "corpus.csv")
    columns = ("--text-column", "body", "--delimiter", ";")
    done = batch(*files, *columns, "--out", "out", "--top-k", 1)
    assert done.returncode == 0, done.stderr
    (row,) = results(tmp_path / "out")
    assert len(row["ranking"]) == 1
    assert row["ranking"][0]["id"] in ("d1", "d2")


def test_a_row_that_cannot_be_scored_is_status_1(batch, tmp_path):
    with (tmp_path / "rows.jsonl").open("a") as stream:
        stream.write("not JSON\n")
    done = batch("rows.jsonl", "--out", "out")
    assert done.returncode == 1
    assert "1 of 21 rows and 0 documents could not be scored" in done.stderr
    assert "line 21 is not valid JSON" in results(tmp_path / "out")[-1]["error"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give either FILE, or --queries, --run and --corpus"),
        (("rows.jsonl", "--run", "run.trec"), "give either FILE, or --queries"),
        (("--run", "run.trec"), "--queries is missing"),
        (("rows.jsonl", "--depth", 5), "--depth has no use beside FILE"),
        (("nothing.jsonl",), "there is no file nothing.jsonl"),
        (("rows.jsonl", "--ray-cpus", 2), "--ray-cpus has no use without --ray"),
        (("rows.jsonl", "--query-column", "question"), "line 1 has no 'question'"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_status_2(batch, tmp_path, arguments, said):
    done = batch(*arguments, "--out", "out")
    assert done.returncode == 2, done.stderr
    assert said in done.stderr.splitlines()[-1]


def test_other_options_need_another_folder(batch):
    assert batch("rows.jsonl", "--out", "out").returncode == 0
    done = batch("rows.jsonl", "--out", "out", "--top-k", 2)
    assert done.returncode == 2
    assert "out holds results of another batch: its ranking was {'top_k': None}" in done.stderr


def test_an_interrupt_keeps_what_is_scored(batch, tmp_path, parity):
    many = [{"query": f"q{at}", "documents": ["csv file " * 20] * 50} for at in range(400)]
    (tmp_path / "many.jsonl").write_text("".join(json.dumps(row) + "\n" for row in many))
    command = [sys.executable, "-m", "secondpass", "batch", "many.jsonl", "--out", "out"]
    command += ["--shard-pairs", "100", "--model", str(parity / "bert"), "--max-length", "64"]
    command += ["--precision", "fp32"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not list((tmp_path / "out").glob("*.parquet")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted: what is scored is in out" in said
    there = len(list((tmp_path / "out").glob("*.parquet")))
    assert 0 < there < 200
    done = batch("many.jsonl", "--out", "out", "--shard-pairs", 100, "--json")
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    assert counts["scored_shards"] == 200 - there
