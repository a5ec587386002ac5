import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass.errors import ScoreError
from secondpass.options.model import ACTIVATIONS
from secondpass.scoring.activation import activate, require_finite


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
    scores = activate(np.array([-100, 0, 2], np.float32), activation)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected, rtol=1e-6, atol=1e-30)


def test_every_activation_has_a_test_above_and_no_overflow_warning():
    assert set(ACTIVATIONS) == {"identity", "sigmoid", "tanh", "relu", "softplus"}
    for activation in ACTIVATIONS:
        assert np.isfinite(activate(np.array([-1e4, 1e4], np.float32), activation)).all()


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_a_logit_that_is_not_finite_names_its_text(broken):
    with pytest.raises(ScoreError, match=r"text 1026 \(1 of 1027"):
        require_finite(np.array([*[0] * 1026, broken], np.float32))


@pytest.mark.parametrize("function", ["sigmoid", "tanh", "softplus"])
@given(logit=st.floats(-20, 20, width=32))
def test_neighbouring_logits_keep_their_order(function, logit):
    above = np.nextafter(np.float32(logit), np.float32(np.inf))
    below, next_ = activate(np.array([logit, above], np.float32), function)
    assert below <= next_
