import math
from decimal import Decimal

import numpy as np
import pytest

from secondpass.errors import InputError
from secondpass.options.fusion import Fusion
from secondpass.scoring.first_stage_scores import candidate_scores, given_scores

WEIGHTED = Fusion("weighted", 1.0)
BAD = [math.nan, math.inf, -math.inf, None, True, "3.0", [1], 10**400, np.bool_(True), Decimal(1)]


def test_the_named_field_is_read():
    candidates = [{"text": "a", "bm25": 3, "score": "x"}, {"text": "b", "bm25": np.float32(0.5)}]
    assert candidate_scores(candidates, "bm25", WEIGHTED).tolist() == [3.0, 0.5]
    assert candidate_scores([], "score", WEIGHTED).tolist() == []


def test_a_field_that_no_fusion_reads_may_hold_anything():
    for rule in ("none", "rrf"):
        assert candidate_scores([{"score": "n/a"}, {}], "score", Fusion(rule)) is None
        assert given_scores(None, 2, Fusion(rule)) is None


@pytest.mark.parametrize("value", BAD)
def test_a_candidate_without_a_finite_score_is_named_with_the_way_out(value):
    message = r"candidate 1: 'bm25' is .*, expected a finite number.*fuse='rrf', which needs only"
    with pytest.raises(InputError, match=message):
        candidate_scores([{"bm25": 1.0}, {"bm25": value}], "bm25", WEIGHTED)


def test_a_missing_field_is_named_with_the_way_out():
    message = r"candidate 1 has no 'bm25'.*only \['score', 'text'\].*first_stage_score.*fuse='rrf'"
    with pytest.raises(InputError, match=message):
        candidate_scores([{"bm25": 1}, {"text": "a", "score": 2}], "bm25", WEIGHTED)


@pytest.mark.parametrize("field", [None, 3, ["score"]])
def test_a_field_is_a_name(field):
    with pytest.raises(InputError, match="first_stage_score is"):
        candidate_scores([], field, Fusion())


def test_given_scores_may_be_any_list():
    for scores in ([1, 2.5], np.array([1, 2.5]), (value for value in (1, 2.5))):
        assert given_scores(scores, 2, WEIGHTED).tolist() == [1.0, 2.5]


@pytest.mark.parametrize("value", BAD)
def test_given_scores_are_finite_numbers(value):
    with pytest.raises(
        InputError, match=r"first_stage_scores\[1\] is .*, expected a finite number"
    ):
        given_scores([0.0, value], 2, WEIGHTED)


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (None, "fuse='weighted' needs first_stage_scores"),
        ([1.0], "there are 1 first_stage_scores for 2 texts"),
        ([1.0] * 3, "there are 3 first_stage_scores for 2 texts"),
        ("12", "first_stage_scores is str '12', expected a list"),
        (1.0, "first_stage_scores is float 1.0, expected a list"),
    ],
)
def test_there_is_one_for_each_text(scores, message):
    with pytest.raises(InputError, match=message):
        given_scores(scores, 2, WEIGHTED)


@pytest.mark.parametrize("rule", ["none", "rrf"])
def test_scores_that_would_not_be_read_are_refused(rule):
    with pytest.raises(
        InputError, match=f"first_stage_scores are given, but fuse='{rule}' does not"
    ):
        given_scores([1.0, 2.0], 2, Fusion(rule))
