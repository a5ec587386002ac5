"""Early exit: which rows continue and how exited ones are ordered, worked out by hand."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from secondpass.engine.contract import NO_EXIT
from secondpass.options.call import RankOptions
from secondpass.scoring.effort import Exit
from secondpass.scoring.exits import align_with_order, depths_of, going_on
from secondpass.scoring.scored import FIRST_MODEL, SECOND_MODEL, Scored
from secondpass.scoring.scores import to_scores
from secondpass.scoring.selection import select
from secondpass.scoring.sequences import Owners


def ranked(logits, exit_layer, activation="sigmoid", *, scored_by=None, **options):
    columns = {
        "exit_layer": np.array(
            [NO_EXIT if layer is None else layer for layer in exit_layer], np.int16
        )
    }
    if scored_by is not None:
        columns["scored_by"] = np.array(scored_by, np.int8)
    scores = to_scores(Scored.of(logits, **columns), len(logits), activation, 0.0)
    asked = RankOptions(**{"top_k": None, **options})
    return select(asked, [""] * len(logits), scores, None).hits


def continuing(logits, texts, exit_, groups=None):
    """Which rows continue; of one request unless told otherwise."""
    owners = Owners(np.array(groups or [0] * len(texts)), np.array(texts))
    return going_on(np.array(logits, np.float32), owners, exit_).tolist()


def test_the_best_continue_and_of_equal_ones_the_first():
    going = continuing([1, 3, 2, 3, 2, 2], range(6), Exit(1, 0.5, 1))
    assert going == [False, True, True, True, False, False]


def test_the_windows_of_a_text_continue_together_by_the_best_of_them():
    going = continuing([1, 3, 2, 3, 2, 2], [0, 0, 1, 2, 2, 3], Exit(1, 0.5, 1))
    assert going == [True, True, False, True, True, False]


def test_each_request_chooses_among_its_own():
    """Half of each: the best of the second is below all of the first."""
    going = continuing([9, 8, 7, 6, 2, 1], range(6), Exit(1, 0.5, 1), groups=[0, 0, 0, 0, 1, 1])
    assert going == [True, True, False, False, True, False]


def test_the_first_stages_order_counts_beside_the_logit():
    # z(logit) of 0, 1, 3 is -1.069, -0.267, 1.336; of -log(10, 11, 12) 1.243, -0.037, -1.206.
    kept = [continuing([0, 1, 3], range(3), Exit(1, 0.3, 1, of)) for of in (0.9, 1.1)]
    assert kept == [[False, False, True], [True, False, False]]


def test_who_has_left_does_not_come_back_by_its_place():
    assert continuing([-np.inf, 1, 3], range(3), Exit(1, 0.6, 1, 9.0)) == [False, True, True]


def test_deeper_stands_higher_and_a_group_moves_together():
    # Whole: 1.0, -1.0. After 4 layers: 5.0, 3.0, moved by 6 to just below -1.0. After 2: -9.0.
    hits = ranked([5.0, 1.0, 3.0, -9.0, -1.0], [4, None, 4, 2, None])
    assert [hit.index for hit in hits] == [1, 4, 0, 2, 3]
    assert [hit.exit_layer for hit in hits] == [None, None, 4, 4, 2]
    assert [hit.logit for hit in hits] == pytest.approx([1, -1, -1, -3, -9])
    assert hits[2].logit < hits[1].logit


def test_a_group_that_agrees_is_left_alone():
    given_logits = [2.0, 1.0, 0.5, -3.0]
    hits = ranked(given_logits, [None, None, 4, 2])
    assert [hit.logit for hit in hits] == given_logits


def test_depth_decides_where_scores_are_equal():
    # relu makes all of them 0: without the rule the first text would come first.
    hits = ranked([-1.0, -2.0, -3.0], [2, 4, None], activation="relu")
    assert [(hit.index, hit.score) for hit in hits] == [(2, 0), (1, 0), (0, 0)]


def test_reciprocal_ranks_see_the_depth_too():
    # Model ranks 3, 2, 1 and first-stage ranks 1, 2, 3: the ends tie above the middle.
    hits = ranked([-1.0, -2.0, -3.0], [2, 4, None], activation="relu", fuse="rrf")
    assert [hit.fused for hit in hits] == pytest.approx([1 / 61 + 1 / 63, 1 / 61 + 1 / 63, 2 / 62])


def test_what_the_first_model_of_a_cascade_scored_alone_stands_last():
    hits = ranked([4.0, 0.0, 3.0], [None] * 3, scored_by=[FIRST_MODEL, SECOND_MODEL, FIRST_MODEL])
    assert [(hit.index, hit.scored_by, hit.exit_layer) for hit in hits] == [
        (1, "second", None),
        (0, "first", None),
        (2, "first", None),
    ]


def test_min_score_takes_the_aligned_score():
    # 5.0 is moved just below -1.0, so its sigmoid is 0.27.
    assert [hit.index for hit in ranked([5.0, 0.5, -1.0], [2, None, None], min_score=0.5)] == [1]


@given(
    st.lists(
        st.tuples(st.floats(-50, 50, width=32), st.sampled_from([None, 0, 2, 4])),
        min_size=1,
        max_size=30,
    )
)
@example([(0.0, 0), (0.0, 2), (25.0, None), (25.816789627075195, 2)])
def test_order_depth_logits_and_scores_agree(texts):
    logits, left = zip(*texts, strict=True)
    hits = ranked(logits, left)
    assert sorted(hit.index for hit in hits) == list(range(len(texts)))
    depths = [6 if hit.exit_layer is None else hit.exit_layer for hit in hits]
    assert depths == sorted(depths, reverse=True)
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    for before, after in pairwise(hits):
        if before.exit_layer == after.exit_layer:
            continue
        assert after.logit < before.logit


@given(st.lists(st.floats(-50, 50, width=32), max_size=20))
def test_without_exits_nothing_changes(logits):
    before = np.array(logits, np.float32)
    depths = depths_of(np.zeros(len(before), np.int16), np.zeros(len(before), np.int8))
    assert align_with_order(before, depths) is before
