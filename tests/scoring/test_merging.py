"""Windows' logits to one logit a text."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass.errors import ScoreError
from secondpass.scoring.merging import WINDOW, Merged, merge, packed, read_of, read_whole
from secondpass.scoring.ranking import to_scores
from secondpass.scoring.readings import from_bytes, readings_of, to_bytes


def part(logits, owners):
    records = [(owner, 9, 0, at, at + 1, b"") for at, owner in enumerate(owners)]
    left = np.array(owners, np.int16)
    return np.array(logits, np.float32), left, np.array(records, WINDOW)


def test_the_best_window_by_hand():
    merged = merge([part([1, 3, 2, -5, 0, 0], [0, 0, 0, 1, 2, 2])], 1)
    assert merged.logits.tolist() == [3, -5, 0]
    assert merged.best["start"].tolist() == [1, 3, 4]
    assert merged.left.tolist() == [0, 1, 2]


def test_the_mean_of_the_three_best_by_hand():
    merged = merge([part([1, 3, 2, 6, -5, 0, 4], [0, 0, 0, 0, 1, 2, 2])], 3)
    assert merged.logits.tolist() == pytest.approx([11 / 3, -5, 2])
    assert merged.best["start"].tolist() == [3, 4, 6]


@given(
    st.lists(st.lists(st.floats(-30, 30, width=32), min_size=1, max_size=9), min_size=1),
    st.integers(1, 4),
    st.integers(0, 300),
)
def test_parts_of_any_length_merge_as_each_text_alone(texts, best_windows, cut_at):
    whole = part(
        [one for text in texts for one in text],
        [at for at, text in enumerate(texts) for _ in text],
    )
    parts = [[column[some] for column in whole] for some in np.s_[:cut_at, cut_at:]]
    merged = merge(parts, best_windows)
    for at, text in enumerate(texts):
        best = sorted(text, reverse=True)[:best_windows]
        assert merged.logits[at] == pytest.approx(sum(best) / len(best), abs=1e-5)
        before = sum(map(len, texts[:at]))
        assert merged.best["start"][at] == before + text.index(max(text))
        assert merged.best["text"][at] == at


@pytest.mark.parametrize("broken", [np.nan, -np.inf, np.inf])
@pytest.mark.parametrize("best_windows", [1, 3])
def test_a_window_without_a_finite_logit_is_not_hidden_by_the_others(broken, best_windows):
    merged = merge([part([1, 2, broken, 5, 4, 3], [0, 1, 1, 1, 1, 1])], best_windows)
    with pytest.raises(ScoreError, match="for text 1 "):
        to_scores(merged.logits, "sigmoid")


def test_a_record_as_a_hit_has_it():
    spans = ((0, 4), (9, 70_000))
    whole, cut, window, chosen = np.array(
        [
            (0, 7, 0, -1, -1, b""),
            (1, 5, 2, -1, -1, b""),
            (2, 9, 0, 0, 30, b""),
            (3, 6, 3, -1, -1, packed(spans)),
        ],
        WINDOW,
    )
    assert read_of(whole) == (False, 7, 0, None, None)
    assert read_of(cut) == (True, 5, 2, None, None)
    assert read_of(window) == (False, 9, 0, (0, 30), None)
    assert read_of(chosen) == (True, 6, 3, None, spans)


def test_a_reading_comes_back_from_its_bytes():
    windows = np.array([(0, 7, 0, -1, -1, b""), (1, 6, 3, -1, -1, packed([(0, 2)]))], WINDOW)
    readings = readings_of(Merged(np.array([0.1, np.nan], np.float32), read_whole(2), windows))
    again = from_bytes(to_bytes(readings))
    np.testing.assert_array_equal(again["logit"], readings["logit"])
    assert again["window"].tolist() == readings["window"].tolist()
