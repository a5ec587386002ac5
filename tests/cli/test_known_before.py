"""What is misspelt, missing or cannot be written is known before the work that it would end."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("ir_measures")

sys.path.insert(0, str(Path(__file__).parent.parent / "evaluation"))
from small_collection import DOCUMENTS, write_collection, write_trec

from secondpass.cli.main import main

pytestmark = pytest.mark.filterwarnings("default")


class BeganError(Exception):
    """The long part of the work began."""


@pytest.fixture(autouse=True)
def work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading a model, or embedding, is work that must not begin."""
    from secondpass import loaded_model
    from secondpass.engine import load
    from secondpass.retrieval import embedder

    def begin(*_: object, **__: object) -> None:
        raise BeganError

    monkeypatch.setattr(embedder.Embedder, "__init__", begin)
    monkeypatch.setattr(loaded_model.LoadedModel, "__init__", begin)
    monkeypatch.setattr(load, "load_engine", begin)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_collection(tmp_path / "small")


def error_of(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    with pytest.raises(SystemExit) as ended:
        main([str(one) for one in arguments])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1, said
    return said


def test_a_good_command_begins(folder: Path) -> None:
    with pytest.raises(BeganError):
        main(
            [
                "eval",
                "small",
                "--first-stage",
                "bm25",
                "--measure",
                "nDCG@10",
                "--json-out",
                "x.json",
            ]
        )


@pytest.mark.parametrize(
    ("measure", "hint"),
    [
        ("nDGC@10", "did you mean nDCG@10?"),
        ("ndcg@20", "did you mean nDCG@20?"),
        ("recall@100", "did you mean Recall@100?"),
        ("Sucess(rel=2)@5", "did you mean Success(rel=2)@5?"),
        ("10", "did you mean nDCG@10?"),
        ("nDCG@ten", "did you mean nDCG@10?"),
        ("", "write for example"),
        ("x" * 500, "'xxx"),
    ],
)
def test_a_measure(folder: Path, capsys, measure: str, hint: str) -> None:
    said = error_of(capsys, "eval", "small", "--measure", measure)
    assert hint in said
    assert len(said) < 500


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--first-stage", "dense", "--first-stage", "bm52"], "did you mean bm25?"),
        (["--model", "/no/such/model"], "/no/such/model"),
        (["--json-out", "a", "--html", "a"], "--html and --json-out are one file"),
        (
            ["--json-out", "none/a.json"],
            "--json-out none/a.json cannot be written: there is no folder",
        ),
        (["--html", "small/corpus.jsonl/a"], "there is no folder"),
        (["--json-out", "x" * 300], "cannot be written: File name too long"),
        (["--first-stage", "run:x.trec", "--run-out", "x.trec"], "stage run:x.trec are one file"),
    ],
)
def test_what_an_evaluation_is_given(folder: Path, capsys, arguments, message: str) -> None:
    write_trec(Path("x.trec"), [("q1", "a", 1)])
    assert message in error_of(capsys, "eval", "small", *arguments)


@pytest.mark.parametrize("bad", ["old page", " a", "b\t", "c\u00a0d"])
def test_an_id_that_no_run_can_hold(tmp_path: Path, folder: Path, capsys, bad: str) -> None:
    write_collection(tmp_path / "one", documents={**DOCUMENTS, bad: "text"})
    said = error_of(capsys, "eval", "one", "--run-out", "r.trec", "--json-out", "r.json")
    assert "--run-out" in said
    assert "is not one word" in said
    with pytest.raises(BeganError):
        main(["eval", "one", "--first-stage", "bm25", "--json-out", "r.json"])
    assert not list(tmp_path.glob("r.*"))


def test_an_empty_id_is_known_when_it_is_read(tmp_path: Path, folder: Path, capsys) -> None:
    write_collection(tmp_path / "one", documents={**DOCUMENTS, "": "text"})
    said = error_of(capsys, "eval", "one", "--run-out", "r.trec")
    assert "corpus.jsonl line 6: _id is empty" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--queries", "40"], "--queries 40 is no file: did you mean -n 40?"),
        (["--queries", "none.txt"], "none.txt cannot be read"),
        (["--queries", "empty.txt"], "empty.txt holds no queries"),
        (["--model", "/no/such/model"], "/no/such/model"),
        (["--html", "none/a.html"], "--html none/a.html cannot be written"),
    ],
)
def test_what_a_benchmark_is_given(folder: Path, capsys, arguments, message: str) -> None:
    Path("empty.txt").write_text("\n")
    assert message in error_of(capsys, "bench", *arguments)


def test_a_plan_leaves_out_what_is_not_there_before_it_measures(folder: Path, capsys) -> None:
    with pytest.raises(BeganError):
        main(["plan", "--model", "embedded/cross-encoder", "--model", "/no/such/model"])
    assert "note: /no/such/model at auto is left out" in capsys.readouterr().err
    assert "/no/such" in error_of(capsys, "plan", "--model", "/no/such/model")


def test_a_compiled_folder_that_cannot_be_made(folder: Path, capsys) -> None:
    for out, message in (("small", "is already there"), ("small/corpus.jsonl/x", "cannot be")):
        said = error_of(capsys, "compile", "embedded/cross-encoder", "--out", out)
        assert message in said


@pytest.mark.parametrize("into", ["small", "small/corpus.jsonl", "small/corpus.jsonl/x"])
def test_an_index_that_cannot_be_made(folder: Path, capsys, into: str) -> None:
    error_of(capsys, "index", "small/corpus.jsonl", "--into", into)
    assert json.loads((folder / "corpus.jsonl").read_text().splitlines()[0])["_id"] == "a"
