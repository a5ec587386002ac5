"""Windows' logits to one logit a text."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass.scoring.aggregate import aggregate


def aggregated(logits, texts, best_windows):
    return aggregate(np.array(logits, np.float32), np.array(texts, np.intp), best_windows)


def test_the_best_window_by_hand():
    found = aggregated([1, 3, 2, -5, 0, 0], [0, 0, 0, 1, 2, 2], 1)
    assert found.logits.tolist() == [3, -5, 0]
    assert found.best.tolist() == [1, 3, 4]


def test_the_mean_of_the_three_best_by_hand():
    found = aggregated([1, 3, 2, 6, -5, 0, 4], [0, 0, 0, 0, 1, 2, 2], 3)
    assert found.logits.tolist() == pytest.approx([11 / 3, -5, 2])
    assert found.best.tolist() == [3, 4, 6]


@given(
    st.lists(st.lists(st.floats(-30, 30, width=32), min_size=1, max_size=9)),
    st.integers(1, 4),
)
def test_each_text_is_aggregated_as_it_is_alone(texts, best_windows):
    logits = [logit for text in texts for logit in text]
    owners = [number for number, text in enumerate(texts) for _ in text]
    found = aggregated(logits, owners, best_windows)
    for number, text in enumerate(texts):
        best = sorted(text, reverse=True)[:best_windows]
        assert found.logits[number] == pytest.approx(sum(best) / len(best), abs=1e-5)
        before = sum(map(len, texts[:number]))
        assert found.best[number] == before + text.index(max(text))
    assert len(found.logits) == len(texts)


@pytest.mark.parametrize("broken", [np.nan, -np.inf, np.inf])
@pytest.mark.parametrize("best_windows", [1, 3])
def test_a_window_without_a_finite_logit_is_not_hidden_by_the_others(broken, best_windows):
    found = aggregated([1, 2, broken, 5, 4, 3], [0, 1, 1, 1, 1, 1], best_windows)
    assert np.isfinite(found.logits).tolist() == [True, False]
