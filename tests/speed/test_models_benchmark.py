"""The benchmark of models: its shapes, its result and its tables."""

from types import SimpleNamespace

import pytest

from benchmarks.models import __main__ as benchmark
from benchmarks.models.__main__ import CONTESTANTS, make_work
from benchmarks.models.markdown import MARKER, SPREAD, pages
from benchmarks.models.result import Result, Shape, Timed, newest_result
from benchmarks.models.shapes import SHAPES
from benchmarks.run import write
from scripts.models_page import ROWS
from secondpass.environment.machine import Machine
from secondpass.environment.software import Software
from secondpass.result_file import read_result

MACHINE = Machine("a processor", ("avx2",), 2, 2, 1, 1, "Linux", "x86_64")
TIMED = (
    Timed("sentence_transformers_default", "theirs", "", (4.0, 2.0, 8.0)),
    Timed("sentence_transformers_openvino", "theirs", "", (), "ValueError: a | b"),
    Timed("secondpass_auto", "ours", "bf16", (1.0, 2.0, 1.5)),
)
RESULT = Result(
    created="2026-11-26T00:00:00+00:00",
    command="python -m benchmarks.models",
    machine=MACHINE,
    software=Software("3.11", "CPython", {"torch": "2"}),
    shapes=(Shape("minilm-l6", 22_700_000, 24, 240.0, TIMED),),
)


def test_rates_are_pairs_over_seconds():
    (shape,) = RESULT.shapes
    assert shape.rates(TIMED[0]) == (6.0, 3.0, 12.0)
    assert RESULT.pairs_a_second("minilm-l6", "secondpass_auto") == 16.0
    assert RESULT.pairs_a_second("minilm-l6", "sentence_transformers_openvino") is None
    assert RESULT.pairs_a_second("ettin-17m", "secondpass_auto") is None


def test_tables_have_every_contestant_and_what_failed():
    shown = pages(RESULT)
    assert (
        "| minilm-l6 | 23M | 24, 240 | 6 | – | – | – | – | 16 | – | 2.67 times |" in shown[MARKER]
    )
    assert "failed: ValueError: a / b" in shown[SPREAD]
    assert "6 (3 to 12)" in shown[SPREAD]


def test_a_result_is_read_again_and_the_newest_is_taken(tmp_path):
    assert newest_result(tmp_path) is None
    for day in ("2026-01-02", "2026-01-01"):
        write(RESULT, tmp_path / f"{day}.json")
    write(Result(**{**vars(RESULT), "shapes": ()}), tmp_path / "2026-01-03.json")
    assert newest_result(tmp_path).shapes == ()
    assert read_result(tmp_path / "2026-01-01.json", Result, "result") == RESULT


@pytest.mark.parametrize("name", SHAPES)
def test_the_texts_of_a_shape_are_drawn_alike_each_time(name, tmp_path, monkeypatch):
    documents = [SimpleNamespace(text=f"{at} rows " * (20 * at)) for at in range(99)]
    monkeypatch.setattr(benchmark, "stdlib_documents", lambda: documents)
    work = make_work(name, tmp_path, rounds=2, seed=3)
    assert work == make_work(name, tmp_path, rounds=2, seed=3)
    assert [len(texts) for texts in work.candidates] == [SHAPES[name].pairs] * 2
    assert max(len(text) for texts in work.candidates for text in texts) <= SHAPES[name].characters


def test_every_shape_is_of_a_model_of_the_page():
    assert {row.shape for row in ROWS if row.shape} == set(SHAPES)
    assert next(iter(CONTESTANTS)) == "sentence_transformers_default"
