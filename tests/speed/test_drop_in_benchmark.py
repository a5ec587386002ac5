"""The benchmark of the drop-in: its script, what it compares, and its table."""

from types import SimpleNamespace

import pytest

from benchmarks.drop_in import lists as drawing
from benchmarks.drop_in import scripts
from benchmarks.drop_in.__main__ import apart
from benchmarks.drop_in.lists import LENGTHS, lists
from benchmarks.drop_in.result import MARKER, Result, Row, Timed, pages
from benchmarks.drop_in.scripts import OURS, SCRIPT, THEIRS, script
from secondpass import CrossEncoder
from secondpass.environment.machine import Machine
from secondpass.environment.software import Software


def test_ours_is_the_script_with_one_import_changed(parity):
    ours = script(OURS)
    assert ours.CrossEncoder is CrossEncoder
    model = ours.load(str(parity / "bert"))
    texts = ["wool", "rows of a csv file", "wool"]
    scores = ours.score(model, "csv", texts)
    assert scores == pytest.approx(model.predict([("csv", text) for text in texts]), abs=1e-6)
    assert SCRIPT.read_text().count("import") == THEIRS.count("import") + 1  # that of its docstring


def test_a_script_that_imports_otherwise_is_not_taken_for_ours(tmp_path, monkeypatch):
    other = tmp_path / "script.py"
    other.write_text("from sentence_transformers import CrossEncoder as Theirs\n" * 2)
    monkeypatch.setattr(scripts, "SCRIPT", other)
    with pytest.raises(ValueError, match="once"):
        script(OURS)


def test_lists_are_drawn_alike_each_time_and_by_length(parity, tmp_path, monkeypatch):
    documents = [SimpleNamespace(text="rows " * at) for at in range(300)]
    monkeypatch.setattr(drawing, "stdlib_documents", lambda: documents)
    drawn = [
        lists(parity / "bert", tmp_path, tuple(LENGTHS), rounds=2, depth=5, seed=3) for _ in "ab"
    ]
    assert drawn[0] == drawn[1]
    short, long = (drawn[0][kind].candidates for kind in ("short", "long"))
    assert max(len(text) for texts in short for text in texts) < 96 * len("rows ")
    assert min(len(text) for text in long[0]) > max(len(text) for text in short[0])
    assert [len(texts) for texts in (*short, *long)] == [5] * 4


def test_the_largest_difference_is_of_any_score():
    base, one = SimpleNamespace(scores=[[0.1, 0.2], [0.3]]), SimpleNamespace(scores=[[0.1], [0.3]])
    base.scores = [[0.1, 0.2], [0.3, 0.4]]
    one.scores = [[0.1, 0.2], [0.31, 0.4]]
    assert apart(base, one) == pytest.approx(0.01)


def test_the_table_compares_round_by_round():
    rows = (
        Row("theirs_default", "theirs", "", (100.0, 300.0, 200.0), 0.0),
        Row("theirs_best", "theirs best", "batch 8", (90.0, 90.0, 90.0), 2e-7),
        Row("ours", "ours", "", (50.0, 60.0, 100.0), 3e-6),
    )
    result = Result(
        created="2026-11-27T01:00:00+00:00",
        command="python -m benchmarks.drop_in --out x.json",
        machine=Machine("Some", ("avx2",), 2, 2, 1, 1, "Linux", "x86_64"),
        software=Software("3.11", "CPython"),
        model="minilm",
        weights_sha256="0123456789abcdef0123",
        depth=100,
        seed=7,
        kinds=(Timed("short", 71.6, rows),),
    )
    shown = pages(result)[MARKER]
    assert "3 interleaved rounds, weights minilm (sha256 0123456789abcdef)" in shown
    assert shown.splitlines()[-3:] == [
        "| short, 72 tokens a pair | theirs | 200 (100 to 300) | – | – |",
        "| short, 72 tokens a pair | theirs best (batch 8) | 90 (90 to 90) "
        "| 2.22 (1.11 to 3.33) | 2.0e-07 |",
        "| short, 72 tokens a pair | ours | 60 (50 to 100) | 2.00 (2.00 to 5.00) | 3.0e-06 |",
    ]
