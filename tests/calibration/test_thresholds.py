"""What a cut at min_score empties, and how answers move: counted on scores that are given."""

from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.thresholds import (
    Scored,
    emptied,
    moved,
    queries_lost,
    scored,
    share_lost,
    with_answers,
)
from secondpass.evaluation.collection import Collection
from secondpass.testing import FakeReranker

FOUND = [
    Scored(np.array([0.9, 0.3, 0.04]), np.array([False, True, True])),
    Scored(np.array([0.01, 0.015]), np.array([True, False])),
    Scored(np.array([0.05, 0.6]), np.array([True, False])),
]


@pytest.mark.parametrize(
    ("cut", "empty", "share", "lost"),
    [(0.01, 0, "0 %", "0"), (0.05, 1, "50 %", "1"), (0.5, 1, "100 %", "3"), (1.0, 3, "100 %", "3")],
)
def test_what_a_cut_empties_and_loses(cut, empty, share, lost):
    assert (emptied(FOUND, cut), share_lost(FOUND, cut), queries_lost(FOUND, cut)) == (
        empty,
        share,
        lost,
    )


COLLECTION = Collection(
    "toy",
    {"a": "sheep give wool", "b": "wool is warm", "c": "cows give milk", "d": "wool"},
    {"q": "wool", "r": "milk"},
    {"q": {"c": 1, "a": 0}, "r": {"c": 2}},
)


def test_answers_stand_beside_what_bm25_finds():
    found = with_answers(COLLECTION, 2)
    assert found["q"][0] == "c"
    assert set(found["q"]) < {"a", "b", "c", "d"}
    assert len(found["q"]) == 3
    assert found["r"] == ["c"]


def test_a_text_of_grade_0_is_not_relevant():
    found = scored(FakeReranker(), COLLECTION, {"q": ["a", "c"], "r": ["c", "b"]})
    assert [one.relevant.tolist() for one in found] == [[False, True], [True, False]]
    assert [len(one.scores) for one in found] == [2, 2]


def test_the_best_place_of_any_answer_counts_and_chunks_are_of_their_document():
    def hit(id_, first_rank, rank):
        return SimpleNamespace(document=SimpleNamespace(id=id_), first_rank=first_rank, rank=rank)

    found = {
        "wool": [hit("a#0-9", 3, 1), hit("c", 1, 2), hit("b", 2, 3)],
        "milk": [hit("c#0-9@1", 2, 1), hit("c#9-20@1", 3, 2), hit("b", 1, 3)],
    }
    pipeline = SimpleNamespace(search=lambda query, _: SimpleNamespace(hits=found[query]))
    assert moved(pipeline, COLLECTION) == (1, 1)
