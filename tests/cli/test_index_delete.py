"""secondpass index --delete-where: how many go, and what is refused."""

import json

import pytest

pytest.importorskip("lancedb")
pytest.importorskip("sqlglot")

from secondpass import Embedder, Index
from secondpass.cli.main import main


@pytest.fixture(scope="module")
def embedder():
    return Embedder()


@pytest.fixture
def made(tmp_path, monkeypatch, embedder):
    monkeypatch.chdir(tmp_path)
    index = Index.create("made", embedder, columns={"year": int, "lang": str})
    years = (1987, 1999, 2004, 2021)
    index.add([{"id": f"d{year}", "text": f"of {year}", "year": year} for year in years])
    index.add([{"id": "none", "text": "without a year", "lang": "it's"}])
    return index


def run(*arguments):
    try:
        main(["index", "--into", "made", *arguments])
    except SystemExit as ended:
        return ended.code
    return 0


def test_documents_go_by_a_condition(made, capsys):
    assert run("--delete-where", "year < 2000", "--dry-run") == 0
    assert capsys.readouterr().out == "made: 2 of 5 documents would be deleted\n"
    assert len(made) == 5
    assert run("--delete-where", "year < 2000") == 0
    assert capsys.readouterr().out == "made: 2 deleted; 3 documents left\n"
    assert made.ids() == {"d2004", "d2021", "none"}
    assert run("--delete-where", "year < 2000", "--json") == 0
    row = {"index": "made", "deleted": 0, "documents": 3, "dry_run": False}
    assert json.loads(capsys.readouterr().out) == row


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("lang = 'it''s'", {"none"}),
        ("year IS NULL", {"none"}),
        ("NOT year = 1987", {"d1999", "d2004", "d2021"}),
        ("year BETWEEN 1999 AND 2004 OR lang = 'x'", {"d1999", "d2004"}),
    ],
)
def test_a_dry_run_counts_what_goes(made, condition, expected):
    assert made.ids(where=condition) == expected
    before = made.ids()
    assert made.delete(where=condition) == len(expected)
    assert made.ids() == before - expected


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--delete-where", "month < 3"), "month"),
        (("--delete-where", "1; DROP TABLE x"), "--delete-where"),
        (("d", "--delete-where", "year < 2000"), "leave PATHs and --watch out"),
        (("--watch", "--delete-where", "year < 2000"), "leave PATHs and --watch out"),
        (("d", "--dry-run"), "--dry-run counts what --delete-where would delete"),
        ((), "Missing argument 'PATH...'"),
    ],
)
def test_what_is_refused_deletes_nothing(made, capsys, arguments, said):
    assert run(*arguments) == 2
    assert said in capsys.readouterr().err
    assert len(made) == 5


def test_an_index_that_is_not_there_is_not_made(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run("--delete-where", "year < 2000") == 2
    assert "made" in capsys.readouterr().err
    assert not (tmp_path / "made").exists()
