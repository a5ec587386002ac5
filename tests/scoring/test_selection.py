import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass.errors import InputError
from secondpass.scoring.merging import WINDOW, read_whole
from secondpass.scoring.ranking import to_scores
from secondpass.scoring.selection import Scored, Selection, checked_min_score


def scored(logits, activation="identity"):
    values = np.array(logits, np.float32)
    return Scored(
        values,
        to_scores(values, activation),
        np.zeros(len(values), WINDOW),
        read_whole(len(values)),
    )


def select(logits, *, first=None, activation="identity", **options):
    selection = Selection.checked(**{"top_k": None, **options})
    texts = [f"text {at}" for at in range(len(logits))]
    first_scores = None if first is None else np.array(first, np.float64)
    return selection.select(texts, scored(logits, activation), first_scores)


def positions(selected):
    return [hit.index for hit in selected.hits]


def test_best_first_and_equal_scores_keep_the_candidates_order():
    found = select([1.0, 3.0, 1.0, 3.0, 2.0])
    assert positions(found) == [1, 3, 4, 0, 2]
    assert [hit.text for hit in found.hits][:2] == ["text 1", "text 3"]
    assert all(hit.fused is None for hit in found.hits)


def test_top_k_larger_than_the_list_gives_all():
    assert positions(select([1.0, 2.0], top_k=10)) == [1, 0]


@given(
    st.lists(st.floats(-40, 40, width=32), max_size=60),
    st.one_of(st.none(), st.integers(1, 20)),
    st.sampled_from(["identity", "sigmoid", "relu"]),
)
def test_without_fusion_the_order_is_that_of_sorting_by_score_and_position(
    logits, top_k, activation
):
    scores = to_scores(np.array(logits, np.float32), activation).tolist()
    expected = sorted(range(len(logits)), key=lambda at: (-scores[at], at))[:top_k]
    assert positions(select(logits, top_k=top_k, activation=activation)) == expected
    weightless = {"fuse": "weighted", "fuse_weight": 0, "first": list(range(len(logits)))}
    found = select(logits, top_k=top_k, activation=activation, **weightless)
    assert positions(found) == expected


@given(
    st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), max_size=40),
    st.sampled_from(["none", "rrf", "weighted"]),
    st.integers(-5, 5),
)
def test_each_candidate_is_a_hit_once_or_is_counted_as_dropped(pairs, rule, min_score):
    logits, first = [one[0] for one in pairs], [one[1] for one in pairs]
    options = {"fuse": rule, "first": first if rule == "weighted" else None}
    found = select(logits, min_score=min_score, **options)
    kept = [at for at, logit in enumerate(logits) if logit >= min_score]
    assert sorted(positions(found)) == kept
    assert found.dropped == len(logits) - len(kept)
    assert all(hit.score == logits[hit.index] for hit in found.hits)
    # What is dropped is gone from the ranking, and nothing else of it changes.
    everything = select(logits, **options)
    assert list(found.hits) == [hit for hit in everything.hits if hit.index in set(kept)]


def test_the_filter_comes_before_top_k():
    """By the first stage 0 and 1 are best, but the model drops both."""
    options = {"fuse": "weighted", "fuse_weight": 100, "first": [9, 8, 2, 1]}
    found = select([-1, -1, 1, 2], min_score=0, top_k=1, **options)
    assert positions(found) == [2]
    assert found.dropped == 2


def test_a_hit_has_both_scores_and_the_logit():
    (first, _) = select([0.0, 2.0], fuse="rrf", activation="sigmoid").hits
    assert (first.index, first.score, first.logit) == (0, 0.5, 0.0)
    assert first.fused == 1 / 61 + 1 / 62


def test_the_limit_is_compared_with_the_score_as_it_is_shown():
    """0.7 as a 32-bit float is 0.699999988: below 0.7, as the hit itself says."""
    shown = select([0.7]).hits[0].score
    assert shown < 0.7
    assert select([0.7], min_score=0.7).dropped == 1
    assert select([0.7], min_score=shown).dropped == 0


@pytest.mark.parametrize("value", [math.nan, math.inf, "0.5", True, [0.5], 10**400])
def test_a_limit_that_is_no_finite_number_is_refused(value):
    with pytest.raises(InputError, match=r"min_score is .*, expected a finite number, or None"):
        checked_min_score(value)


def test_blocks_are_joined_in_order():
    joined = Scored.joined([scored([1.0, 2.0]), scored([3.0])])
    assert joined.scores.tolist() == [1.0, 2.0, 3.0]
    assert joined.logits.dtype == np.float32
    assert len(Scored.joined([]).scores) == 0
