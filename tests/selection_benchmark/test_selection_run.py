"""A run that goes on has what one run has; what is read is made up here."""

import argparse
import math
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "evaluation"))
from small_collection import write_collection, write_trec

from benchmarks.selection.__main__ import Measuring
from benchmarks.selection.reading import Read

LABELS = ["truncate 64", "bm25 64"]


class MadeUpReader:
    """Turns the candidates around where BM25 chooses."""

    def open(self, query, texts, alone):
        self.texts = list(texts)
        return self

    def read(self, system):
        order = list(range(len(self.texts)))
        return Read(order[::-1] if system.reads == "bm25" else order, len(order), 0, 1.0)


@pytest.fixture
def start(tmp_path):
    folder = write_collection(tmp_path / "toy")
    write_trec(
        folder / "run.bm25.trec", [("q1", "a", 2), ("q1", "c", 1), ("q2", "b", 2), ("q2", "a", 1)]
    )

    def measuring(labels=LABELS):
        arguments = argparse.Namespace(
            data=tmp_path, depth=2, long_depth=2, words=9, queries=None, seed=0, systems=labels
        )
        return Measuring("toy", arguments, MadeUpReader())

    return measuring


def test_going_on_equals_one_run(start):
    whole, first, second = start(), start(), start()
    assert whole.queries == 2
    for at in range(2):
        whole.read(at)
    first.read(0)
    second.go_on([first.found()])
    assert second.done == 1
    second.read(1)
    assert second.found() == whole.found()


def test_systems_are_chosen_by_label_and_the_base_is_always_there(start):
    measured = start().found().measured
    assert [one.system.label for one in measured] == ["whole", "truncate 64", "bm25 64"]


def test_other_systems_do_not_go_on(start):
    first = start(["bm25 64"])
    first.read(0)
    with pytest.raises(SystemExit, match="toy was measured otherwise"):
        start().go_on([first.found()])


def test_the_order_decides_the_measure(start):
    """Of q1, a has grade 2 and d, which is no candidate, 1: at best 2 + 1 / log2(3)."""
    one = start()
    one.read(0)
    by_label = {each.system.label: each.ndcg for each in one.found().measured}
    second = 1 / math.log2(3)
    assert by_label["truncate 64"] == by_label["whole"] == pytest.approx([2 / (2 + second)])
    assert by_label["bm25 64"] == pytest.approx([2 * second / (2 + second)])
