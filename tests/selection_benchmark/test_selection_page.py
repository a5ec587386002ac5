"""The table of the selection benchmark, from numbers made up here."""

import pytest

from benchmarks.selection.markdown import page
from benchmarks.selection.measured import Measured, Result, Set, compute, on_exits, read, write
from benchmarks.selection.systems import BM25, EXITS, TRUNCATE, WHOLE, WINDOWS, System

FAST, BALANCED, FULL = EXITS


def measured(system, ndcg, tokens, selecting=0, ms=10.0):
    count = len(ndcg)
    return Measured(
        reads=system.reads,
        budget=system.budget,
        effort=system.effort,
        ndcg=ndcg,
        layer_tokens=[tokens] * count,
        selecting_layer_tokens=[selecting] * count,
        ms=[ms] * count,
    )


def toy(*systems, words=None):
    return Set("toy", "0", "1", 20, words, 9, ["a", "b"], list(systems))


CURVE = (
    measured(FAST, [0.2, 0.4], 20),
    measured(BALANCED, [0.4, 0.6], 40),
    measured(FULL, [0.5, 0.8], 100),
)


def test_exits_at_the_same_compute_are_on_the_line_between_two_efforts():
    half = measured(System(BM25, 64), [0.5, 0.5], 30)
    assert on_exits(half, toy(*CURVE)) == pytest.approx([0.3, 0.5])
    assert on_exits(CURVE[2], toy(*CURVE)) == pytest.approx([0.5, 0.8])
    assert on_exits(measured(System(BM25, 8), [0, 0], 19), toy(*CURVE)) is None


def test_an_embedding_that_chooses_is_paid_for():
    assert compute(measured(System("embedding", 64), [0.0, 0.0], 30, 60), CURVE[2]) == 0.9


def test_a_result_comes_back_from_its_file_and_is_shown(tmp_path):
    passages = toy(
        *CURVE,
        measured(System(TRUNCATE, 64), [0.3, 0.5], 30, ms=4.0),
        measured(System(BM25, 64), [0.4, 0.7], 30, ms=5.0),
    )
    long = toy(
        measured(System(TRUNCATE, 512), [0.1, 0.1], 20),
        measured(System(BM25, 512), [0.3, 0.3], 20),
        measured(System(WINDOWS), [0.4, 0.4], 80, ms=40.0),
        words=1000,
    )
    machine, model = {"processor": "p"}, {"name": "m", "precision": "int8", "max_length": 512}
    result = Result("python -m benchmarks.selection", model, machine, 0, [passages, long])
    write(result, tmp_path / "deep" / "result.json")
    assert read(tmp_path / "deep" / "result.json") == result
    lines = page(result).splitlines()
    assert [line.split(" | ")[0] for line in lines if line.startswith("| ")] == [
        *("| read", "| ---", "| whole, fast", "| truncate 64", "| bm25 64", "| whole, balanced"),
        *("| whole", "| read", "| ---", "| truncate 512", "| bm25 512", "| windows"),
    ]
    # Gains 0.1 and 0.2 over truncation; exits have 0.3 and 0.5 there, so 0.1 and 0.2 again.
    (row,) = (line for line in lines if line.startswith("| bm25 64"))
    assert row.startswith("| bm25 64 | 0.30 | 0.50 | 0.5500 | 0.5500 | +0.1500 [")
    assert row.count("+0.1500 [") == 2
    (row,) = (line for line in lines if line.startswith("| bm25 512"))
    assert row == (
        "| bm25 512 | 0.3000 | +0.2000 [+0.2000, +0.2000] | +0.2000 [+0.2000, +0.2000] "
        "| 20 | 1.00 |"
    )


def test_a_label_says_what_is_read_and_with_which_effort():
    labels = [System(WHOLE).label, System(BM25, 64).label, System(BM25, 128, "balanced").label]
    assert labels == ["whole", "bm25 64", "bm25 128, balanced"]
