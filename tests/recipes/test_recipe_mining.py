"""Candidates of a training query: its positive first, nothing twice, never itself."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="the train extra is not installed")

from recipes.embedded.mine import bm25_best, bm25_weights, choose, nearest, repeated, sources
from recipes.embedded.ragged import Ragged
from recipes.embedded.settings import read_settings

MINING = read_settings().mining
QUERIES = 40


def chosen(count: int, long: bool):
    random = np.random.default_rng(4)
    positive = random.integers(0, count, QUERIES).astype(np.int32)
    own = random.integers(-1, count, (QUERIES, 3)).astype(np.int32)
    pools = [(random.integers(0, count, (QUERIES, 10)), weight) for weight in (3.0, 1.5)]
    is_long = np.full(QUERIES, long)
    return positive, choose(positive, own, is_long, pools, count, MINING, random)


def test_the_positive_comes_first():
    positive, candidates = chosen(100, long=False)
    assert (candidates[:, 0] == positive).all()


@pytest.mark.parametrize("long", [False, True])
def test_no_candidate_is_there_twice(long):
    for row in chosen(30, long)[1]:
        real = row[row >= 0]
        assert len(set(real.tolist())) == len(real)


def test_a_long_query_is_not_its_own_candidate():
    positive, candidates = chosen(30, long=True)
    assert not (candidates == positive[:, None]).any()


def test_a_small_source_leaves_places_unfilled_at_the_end():
    _, candidates = chosen(5, long=False)
    assert candidates.shape == (QUERIES, MINING.candidates)
    assert (candidates[:, 5:] == -1).all()
    assert (np.diff((candidates < 0).astype(int), axis=1) >= 0).all()


def test_the_first_of_equals_is_not_a_repeat():
    assert repeated(np.array([[3, 1, 3, 1, 2]])).tolist() == [[False, False, True, True, False]]


@pytest.mark.filterwarnings("ignore:Sparse")
def test_bm25_finds_the_passage_with_the_rare_word():
    passages = Ragged.packed([[9], [5, 6, 5], [5, 7], [5, 8, 8, 5]])
    weights = bm25_weights(passages, 1, 4, "cpu")
    assert bm25_best(weights, [np.array([5, 7]), np.array([8])], 1, "cpu").tolist() == [[1], [2]]


def test_nearest_is_by_cosine_and_no_deeper_than_there_are_passages():
    import torch

    passages = torch.eye(3)
    assert nearest(passages, passages[[2, 0]], 5)[:, 0].tolist() == [2, 0]
    assert nearest(passages, passages, 5).shape == (3, 3)


def test_a_source_without_queries_is_passed_over():
    found = list(sources(np.array([[0, 4], [4, 4], [4, 9]]), np.array([2, 0, 2])))
    assert [(first, last, rows.tolist()) for first, last, rows in found] == [
        (0, 4, [1]),
        (4, 9, [0, 2]),
    ]
