import math

import numpy as np
import pytest

from secondpass.errors import InputError, ScoreError
from secondpass.models.activation import ACTIVATIONS
from secondpass.scoring.ranking import checked_top_k, to_scores


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
