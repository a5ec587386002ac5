"""The arithmetic of fusion, worked by hand, and that no choice loses or repeats a candidate."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, zscore

from secondpass.errors import InputError
from secondpass.options.fusion import DEFAULT_WEIGHT, Fusion
from secondpass.scoring.fusion import best_first, fuse, ranks, z_scores

ANY_FLOAT = st.floats(allow_nan=False, allow_infinity=False)


def fused(fusion, logits, first=None, scores=None):
    return fuse(
        fusion,
        logits=np.array(logits, np.float32),
        scores=np.array(logits if scores is None else scores, np.float32),
        first_stage_scores=None if first is None else np.array(first, np.float64),
    )


def test_reciprocal_ranks_worked_by_hand():
    # By the model: the third, then the first, then the second.
    found = fused(Fusion("rrf"), [2.0, 1.0, 3.0])
    expected = [1 / 61 + 1 / 62, 1 / 62 + 1 / 63, 1 / 63 + 1 / 61]
    assert found == pytest.approx(expected, rel=1e-15)
    assert best_first(found).tolist() == [0, 2, 1]


def test_a_tie_of_reciprocal_ranks_keeps_the_candidates_order():
    found = fused(Fusion("rrf"), [1.0, 2.0])
    assert found[0] == found[1]
    assert best_first(found).tolist() == [0, 1]


def test_weighted_worked_by_hand():
    # z of 1, 3, 5, 7 is -3, -1, 1, 3 over the root of 5; the first stage's order is the reverse.
    found = fused(Fusion("weighted", 0.5), [1, 3, 5, 7], [70, 50, 30, 10])
    root = math.sqrt(5)
    assert found == pytest.approx([-1.5 / root, -0.5 / root, 0.5 / root, 1.5 / root])
    heavy = fused(Fusion("weighted", 2.0), [1, 3, 5, 7], [70, 50, 30, 10])
    assert best_first(heavy).tolist() == [0, 1, 2, 3]


def test_weighted_reads_the_logits_and_not_the_squashed_scores():
    logits = [2.0, 6.0, 10.0]
    squashed = 1 / (1 + np.exp(-np.array(logits)))
    found = fused(Fusion("weighted", 0.0001), logits, [0, 0, 0], squashed)
    root = math.sqrt(1.5)
    assert found == pytest.approx([-root, 0, root])


def test_a_first_stage_without_differences_changes_nothing():
    found = fused(Fusion("weighted", 3.0), [1, 3, 5, 7], [0.1] * 4)
    assert found == pytest.approx(z_scores(np.array([1.0, 3.0, 5.0, 7.0])))


def test_none_gives_no_fused_score():
    assert fused(Fusion(), [1.0, 2.0]) is None


@pytest.mark.parametrize("values", [[], [5.0], [0.1, 0.1, 0.1], [0.0, 0.0]])
def test_no_spread_is_zero(values):
    # The standard deviation of three times 0.1 is 1.4e-17 in floating point, not 0.
    assert z_scores(np.array(values)).tolist() == [0.0] * len(values)


@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=50))
def test_z_scores_against_scipy(values):
    if len(set(values)) > 1:
        expected = zscore(values)
        np.testing.assert_allclose(z_scores(np.array(values, np.float64)), expected, atol=1e-9)


@given(st.lists(ANY_FLOAT, min_size=1, max_size=20))
def test_z_scores_of_any_finite_numbers_are_finite_and_never_turn_an_order_round(values):
    found = z_scores(np.array(values))
    assert np.isfinite(found).all()
    assert (np.diff(found[np.argsort(values, kind="stable")]) >= 0).all()


@given(st.lists(st.integers(-3, 3), max_size=40))
def test_ranks_against_scipy(values):
    expected = rankdata(-np.array(values), method="ordinal") if values else []
    assert ranks(np.array(values, np.float64)).tolist() == list(expected)


@given(
    st.lists(st.tuples(st.integers(-5, 5), ANY_FLOAT), max_size=60),
    st.sampled_from(["rrf", "weighted"]),
    st.floats(0, 100),
)
def test_every_candidate_is_there_once(pairs, rule, weight):
    logits, first = [one[0] for one in pairs], [one[1] for one in pairs]
    fusion = Fusion.checked(rule, weight if rule == "weighted" else None)
    found = fused(fusion, logits, first)
    assert found.dtype == np.float64
    assert np.isfinite(found).all()
    assert sorted(best_first(found).tolist()) == list(range(len(pairs)))


@given(st.lists(st.tuples(st.floats(-80, 80, width=32), ANY_FLOAT), max_size=60))
def test_weight_zero_is_exactly_the_order_of_the_scores(pairs):
    """Also where a sigmoid rounds several logits to one score."""
    logits = np.array([one[0] for one in pairs], np.float32)
    scores = (1 / (1 + np.exp(-logits.astype(np.float64)))).astype(np.float32)
    found = fused(Fusion("weighted", 0.0), logits, [one[1] for one in pairs], scores)
    assert best_first(found).tolist() == best_first(scores).tolist()


def test_the_weight_has_a_default():
    assert Fusion.checked("weighted") == Fusion("weighted", DEFAULT_WEIGHT)
    assert Fusion.checked("rrf") == Fusion("rrf", None)
    assert Fusion.checked() == Fusion("none", None)
    assert Fusion.checked("weighted", np.float32(0.25)).weight == 0.25


@pytest.mark.parametrize("fuse", ["sum", None, True, ["rrf"], "RRF"])
def test_an_unknown_fusion_is_refused(fuse):
    with pytest.raises(InputError, match=r"fuse is .*, expected one of none, rrf, weighted"):
        Fusion.checked(fuse)


@pytest.mark.parametrize("weight", [-0.1, math.nan, math.inf, True, "1", 10**400])
def test_a_weight_that_is_no_number_of_at_least_0_is_refused(weight):
    with pytest.raises(InputError, match=r"fuse_weight is .*, expected a finite number of at"):
        Fusion.checked("weighted", weight)


@pytest.mark.parametrize("fuse", ["none", "rrf"])
def test_a_weight_that_would_do_nothing_is_refused(fuse):
    with pytest.raises(InputError, match=f"fuse_weight is 0.5, but fuse='{fuse}' has no weight"):
        Fusion.checked(fuse, 0.5)
