import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass.errors import InputError
from secondpass.options.call import RankOptions
from secondpass.scoring import selection
from secondpass.scoring.activation import activate
from secondpass.scoring.scored import Scored
from secondpass.scoring.scores import to_scores
from secondpass.scoring.stats import Stats


def select(logits, *, first=None, activation="identity", **options):
    asked = RankOptions(**{"top_k": None, **options})
    texts = [f"text {at}" for at in range(len(logits))]
    first_stage_scores = None if first is None else np.array(first, np.float64)
    scores = to_scores(Scored.of(logits), len(texts), activation, 0.0)
    return selection.select(asked, texts, scores, first_stage_scores)


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
    scores = activate(np.array(logits, np.float32), activation).tolist()
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
        RankOptions(min_score=value)


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "3"])
def test_top_k_must_be_an_integer_of_at_least_one(value):
    with pytest.raises(InputError, match="top_k"):
        RankOptions(top_k=value)


def test_blocks_are_joined_in_order_and_their_stats_add():
    one, other = Scored.of([1.0, 2.0], Stats(infer_ms=3.0)), Scored.of([3.0], Stats(infer_ms=4.0))
    joined = Scored.joined([one, other])
    assert joined.logits.tolist() == [1.0, 2.0, 3.0]
    assert joined.logits.dtype == np.float32
    assert joined.stats.infer_ms == 7.0
    assert len(Scored.joined([])) == 0


def test_texts_without_a_score_follow_in_their_order_with_what_a_hit_says():
    spans = np.empty(2, np.object_)
    spans[1] = ((0, 4), (9, 12))
    scored = Scored.of(
        [1.0, 2.0],
        tokens=np.array([5, 6]),
        dropped_tokens=np.array([0, 3]),
        span=np.array([[0, 30], [-1, -1]], np.int32),
        spans=spans,
    )
    scores = to_scores(scored, 4, "identity", 0.0)
    assert scores.scored.tolist() == [True, True, False, False]
    assert scores.truncated.tolist() == [False, True, False, False]
    hits = selection.select(RankOptions(top_k=3), list("abcd"), scores, None).hits
    assert [(hit.index, hit.score, hit.reranked) for hit in hits] == [
        (1, 2.0, True),
        (0, 1.0, True),
        (2, None, False),
    ]
    assert [(hit.truncated, hit.tokens, hit.dropped_tokens) for hit in hits] == [
        (True, 6, 3),
        (False, 5, 0),
        (False, 0, 0),
    ]
    assert [(hit.span, hit.spans) for hit in hits] == [
        (None, ((0, 4), (9, 12))),
        ((0, 30), None),
        (None, None),
    ]
