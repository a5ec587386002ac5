"""secondpass eval as it is called: what is printed, what is written, and what is refused."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "evaluation"))
from small_collection import write_collection, write_trec

from secondpass import Embedder
from secondpass.evaluation.result import Evaluation
from secondpass.evaluation.runs import read_run
from secondpass.result_file import read_result
from secondpass.verify.outcome import outcome_of
from secondpass.verify.record import Vectors


def secondpass(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "secondpass", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | {"COLUMNS": "120"},
    )


@pytest.fixture
def folder(tmp_path):
    folder = write_collection(tmp_path / "small")
    rows = [("q1", "b", 9), ("q1", "c", 8), ("q1", "a", 7), ("q1", "d", 6)]
    write_trec(folder / "run.x.trec", [*rows, ("q2", "e", 2), ("q2", "b", 1), ("q3", "c", 1)])
    return folder


def test_everything_at_once(folder, tmp_path):
    out = {name: tmp_path / f"out.{name}" for name in ("json", "html", "trec")}
    done = secondpass(
        *("eval", folder, "--first-stage", "run:run.x.trec", "--first-stage", "bm25"),
        *("--depth", 4, "--depths", "1,2", "--json-out", out["json"], "--html", out["html"]),
        *("--run-out", out["trec"]),
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("collection   small, 3 queries, 5 documents, 5 judgements")
    assert "fused by reciprocal rank" in lines[1]
    assert "embedded/cross-encoder" in lines[2]
    assert any(line.startswith("note: ties are broken as trec_eval does") for line in lines)
    assert re.match("Reranking helps|There is no evidence|Reranking hurts", lines[-1])
    result = read_result(out["json"], Evaluation, "result")
    assert result.command.startswith("secondpass eval ")
    assert result.latency.p95_ms is None
    assert any(", P95 – ms, mean " in line for line in lines)
    assert "note: P95 is not supported by 3 queries: at least 20 are needed" in lines
    assert result.model.name == "embedded/cross-encoder"
    assert out["html"].read_text().count("<svg") == 2
    assert {id_: len(found) for id_, found in read_run(out["trec"]).items()}["q1"] == 4
    table = next(line for line in lines if line.startswith("nDCG@10"))
    (main, *_) = result.comparisons
    assert f"{main.first_stage:.4f}" in table
    assert f"{main.reranked:.4f}" in table


@pytest.mark.parametrize("when", ["evaluate.compare", "evaluate.make_notes", "report.to_html"])
def test_ctrl_c_once_all_is_measured_waits_for_the_files(folder, tmp_path, monkeypatch, when):
    from importlib import import_module

    from secondpass.cli.main import main

    module, name = when.split(".")
    place = import_module(f"secondpass.evaluation.{module}")
    real = getattr(place, name)

    def interrupted(*given, **named):
        signal.raise_signal(signal.SIGINT)
        return real(*given, **named)

    monkeypatch.setattr(place, name, interrupted)
    # A suite that runs in the background of a shell has it ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    out = {name: tmp_path / f"out.{name}" for name in ("json", "html", "trec")}
    try:
        with pytest.raises(SystemExit) as ended:
            main(
                [
                    *("eval", str(folder), "--first-stage", "bm25", "--depths", "1,2"),
                    *("--json-out", str(out["json"]), "--html", str(out["html"])),
                    *("--run-out", str(out["trec"])),
                ]
            )
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended.value.code == 130
    assert read_result(out["json"], Evaluation, "result").complete
    assert "INCOMPLETE" not in out["html"].read_text()
    assert read_run(out["trec"])


def test_dense_is_the_default_and_a_sample_is_said(folder, tmp_path):
    out = tmp_path / "out.json"
    done = secondpass("eval", folder, "--max-queries", 2, "--measure", "P@1", "--json-out", out)
    assert done.returncode == 0, done.stderr
    assert "2 queries" in done.stdout.splitlines()[0]
    assert "note: the queries are a seeded choice of 3 judged ones" in done.stdout
    assert "dense (embedded/bi-encoder" in done.stdout
    assert "over 2 queries" in done.stdout.splitlines()[-1]
    assert re.search("^embedded +5 vectors of 384 numbers by embedded/bi-enc", done.stdout, re.M)
    outcome = outcome_of(read_result(out, Evaluation, "result"), ())
    assert [use.role for use in outcome.models] == ["bi-encoder", "cross-encoder"]
    assert outcome.models[0].info == Embedder().info
    assert outcome.vectors == Vectors(5, 384)
    assert [one.model for one in outcome.observed.stages] == ["bi-encoder", "cross-encoder"]


def test_a_file_of_judgements(folder, tmp_path):
    (tmp_path / "qrels").write_text("q1 0 a 1\nq2 0 b 1\n")
    arguments = ["eval", tmp_path / "qrels", "--first-stage", f"run:{folder / 'run.x.trec'}"]
    texts = ["--corpus", folder / "corpus.jsonl", "--queries", folder / "queries.jsonl"]
    done = secondpass(*arguments, *texts)
    assert done.returncode == 0, done.stderr
    # 1/log2(4) and 1/log2(3), of one relevant document each.
    assert re.search(r"nDCG@10 +0\.5655", done.stdout)
    assert "--corpus FILE" in secondpass(*arguments).stderr


def test_bm25_on_dl19_prints_the_published_figure(shared):
    folder = shared / "data" / "eval" / "dl19"
    done = secondpass("eval", folder, "--first-stage", "run:run.bm25.trec", "--depth", 1)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^nDCG@10 +0\.5058 ", done.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["/nowhere"], "no collection '/nowhere'"),
        (["FOLDER", "--first-stage", "splade"], "'splade' is not known"),
        (["FOLDER", "--first-stage", "run:none"], "there is no run"),
        (["FOLDER", "--measure", "nDGC@10", "--first-stage", "bm25"], "--measure 'nDGC@10'"),
        (["FOLDER", "--depths", "10,x"], "--depths '10,x' is not a list"),
        (["FOLDER", "--depths", "0"], "--depths '0' is not a list"),
        (["FOLDER", "--split", "dev"], "--split may be: test"),
        (["FOLDER", "--json-out", "/nowhere/x.json"], "there is no folder /nowhere"),
    ],
)
def test_mistakes_are_one_line_and_status_2(folder, arguments, message):
    done = secondpass("eval", *(folder if one == "FOLDER" else one for one in arguments))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert message in line


def test_a_seed_below_0_is_refused(folder):
    done = secondpass("eval", folder, "--seed", -1, "--max-queries", 2)
    assert done.returncode == 2
    assert "'--seed': -1 is not in the range x>=0" in " ".join(done.stderr.split())
