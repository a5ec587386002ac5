import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass.errors import InputError, ScoreError
from secondpass.models.activation import ACTIVATIONS
from secondpass.scoring.ranking import best, checked_top_k, to_scores
from secondpass.types import Hit


def hits_of(scores):
    return [Hit(at, score, "", False) for at, score in enumerate(scores)]


def test_best_first_and_equal_scores_keep_the_candidates_order():
    assert [hit.index for hit in best(hits_of([1.0, 3.0, 1.0, 3.0, 2.0]), None)] == [1, 3, 4, 0, 2]


def test_top_k_larger_than_the_list_gives_all():
    assert len(best(hits_of([1.0, 2.0]), 10)) == 2


@given(st.lists(st.integers(-3, 3), max_size=60), st.integers(1, 20), st.integers(1, 20))
def test_keeping_the_best_block_by_block_equals_sorting_at_once(scores, block, top_k):
    hits = hits_of([float(score) for score in scores])
    kept = []
    for start in range(0, len(hits), block):
        kept = best([*kept, *hits[start : start + block]], top_k)
    assert kept == best(hits, top_k)


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "3"])
def test_top_k_must_be_a_whole_number_of_at_least_one(value):
    with pytest.raises(InputError, match="top_k"):
        checked_top_k(value)


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        ("identity", [-100.0, 0.0, 2.0]),
        ("sigmoid", [math.exp(-100), 0.5, 1 / (1 + math.exp(-2))]),
        ("tanh", [-1.0, 0.0, math.tanh(2)]),
        ("relu", [0.0, 0.0, 2.0]),
        ("softplus", [math.exp(-100), math.log(2), math.log1p(math.exp(2))]),
    ],
)
def test_activations_against_their_formulas(activation, expected):
    scores = to_scores(np.array([-100, 0, 2], np.float32), activation)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected, rtol=1e-6, atol=1e-30)


def test_every_activation_has_a_test_above_and_no_overflow_warning():
    assert set(ACTIVATIONS) == {"identity", "sigmoid", "tanh", "relu", "softplus"}
    for activation in ACTIVATIONS:
        assert np.isfinite(to_scores(np.array([-1e4, 1e4], np.float32), activation)).all()


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_no_number_names_its_text(broken):
    with pytest.raises(ScoreError, match="text 1026"):
        to_scores(np.array([0, 1, broken], np.float32), "identity", first=1024)
