"""Verdicts on what came out: which are passed, which fail the check, and what they say."""

import pytest
from made_records import observed, ranked

from secondpass.verify.arithmetic import Comparability
from secondpass.verify.check_lines import failures
from secondpass.verify.compare_outputs import compare_outputs
from secondpass.verify.outputs import RankedQuery, StageOutput
from secondpass.verify.record import Observed

EXACT = Comparability("exact")
ALIKE = Comparability("alike", "int8 weights, bf16 arithmetic")
OTHER = Comparability("other", "another arithmetic: bf16 there, f32 here")
SATURATES = Comparability("other", "another processor: int8 products saturate here", True)
NONE = Comparability("none", "another precision: int8 there, fp32 here")

RECORDED = ranked(a=5.0, b=4.0, c=3.9, d=-5.0)  # a range of 10, so a margin of 0.5


def lines(recorded, here, grade):
    return list(compare_outputs(recorded, here, {"cross-encoder": grade}))


def verdicts(here, grade, recorded=RECORDED):
    """Return the verdicts on order and scores, and whether the check fails."""
    found = lines(observed(recorded), observed(here), grade)
    order, scores = found
    assert order.what == "rerank: order for q"
    assert scores.what == "rerank: scores"
    return order.verdict, scores.verdict, bool(failures(found))


@pytest.mark.parametrize(
    ("here", "grade", "expected"),
    [
        # the same again
        (RECORDED, EXACT, ("same", "same", False)),
        (RECORDED, ALIKE, ("same", "same", False)),
        (RECORDED, OTHER, ("same", "not comparable", False)),
        (RECORDED, NONE, ("not comparable", "not comparable", True)),
        # scores a little off, then too far off for fp32
        (ranked(a=5.00009, b=4.0, c=3.9, d=-5.0), EXACT, ("same", "within tolerance", False)),
        (ranked(a=5.00011, b=4.0, c=3.9, d=-5.0), EXACT, ("same", "different", True)),
        (ranked(a=5.2, b=4.0, c=3.9, d=-5.0), ALIKE, ("same", "different", False)),
        (ranked(a=5.2, b=4.0, c=3.9, d=-5.0), OTHER, ("same", "not comparable", False)),
        # b and c, 0.1 apart, change places
        (ranked(a=5.0, c=4.0, b=3.9, d=-5.0), EXACT, ("different", "different", True)),
        (ranked(a=5.0, c=4.0, b=3.9, d=-5.0), ALIKE, ("different", "different", True)),
        (
            ranked(a=5.0, c=4.0, b=3.9, d=-5.0),
            OTHER,
            ("within tolerance", "not comparable", False),
        ),
        # a and b, 1.0 apart
        (ranked(b=5.0, a=4.0, c=3.9, d=-5.0), OTHER, ("different", "not comparable", True)),
        (
            ranked(b=5.0, a=4.0, c=3.9, d=-5.0),
            SATURATES,
            ("not comparable", "not comparable", True),
        ),
        # one document fewer
        (ranked(a=5.0, b=4.0, c=3.9), OTHER, ("different", "not comparable", True)),
    ],
)
def test_order_and_scores(here, grade, expected):
    assert verdicts(here, grade) == expected


def test_near_equals_may_change_places_at_fp32():
    recorded = ranked(a=1.0, b=0.99995)
    assert verdicts(ranked(b=1.00001, a=0.99996), EXACT, recorded) == (
        "within tolerance",
        "within tolerance",
        False,
    )


def test_why_names_the_documents_their_distance_and_the_margin():
    (order, _) = lines(observed(RECORDED), observed(ranked(b=5.0, a=4.0, c=3.9, d=-5.0)), OTHER)
    assert order.why == "a was before b, 1 apart, more than 0.5"
    assert (order.recorded, order.here) == ("a b c …", "b a c …")


def test_a_query_or_a_stage_that_is_gone_is_missing_and_fails():
    found = lines(observed(RECORDED, ranked("r", a=1.0)), observed(RECORDED), EXACT)
    assert [line.what for line in failures(found)] == ["rerank: order for r"]
    found = lines(observed(RECORDED), Observed(), EXACT)
    assert [line.verdict for line in failures(found)] == ["missing"]


def test_a_reranker_is_judged_on_the_documents_it_was_given_both_times():
    def both(dense, reranked):
        return Observed(
            (
                StageOutput("dense", "bi-encoder", (dense,)),
                StageOutput("rerank", "cross-encoder", (reranked,), "dense"),
            )
        )

    # The dense stage's last place went from c to d; the reranker likes both best.
    recorded = both(ranked(a=1.0, b=0.5, c=0.2), ranked(c=9.0, a=2.0, b=1.0))
    here = both(ranked(a=1.0, b=0.5, d=0.2), ranked(d=9.0, a=2.0, b=1.0))
    grades = {"bi-encoder": OTHER, "cross-encoder": OTHER}
    found = {line.what: line.verdict for line in compare_outputs(recorded, here, grades)}
    assert found["dense: order for q"] == "within tolerance"
    assert found["rerank: order for q"] == "same"


def test_a_stage_without_a_model_is_compared_exactly():
    bm25 = StageOutput("bm25", None, (ranked(a=2.0, b=1.0),))
    moved = StageOutput("bm25", None, (RankedQuery("q", ("a", "b"), (2.0, 1.001)),))
    found = list(compare_outputs(Observed((bm25,)), Observed((moved,)), {}))
    assert [line.verdict for line in failures(found)] == ["different"]


def test_a_stage_whose_model_is_not_recorded_cannot_be_compared():
    found = list(compare_outputs(observed(RECORDED), observed(RECORDED), {}))
    assert failures(found)[0].verdict == "not comparable"


@pytest.mark.parametrize(
    ("mean", "grade", "verdict"),
    [
        (0.5, EXACT, "same"),
        (0.50009, EXACT, "within tolerance"),
        (0.5002, EXACT, "different"),
        (0.5002, ALIKE, "different"),
        (0.504, OTHER, "within tolerance"),
        (0.506, OTHER, "different"),
        (0.506, SATURATES, "not comparable"),
        (0.5, NONE, "not comparable"),
    ],
)
def test_means_of_measures_decide(mean, grade, verdict):
    found = lines(observed(nDCG=0.5), observed(nDCG=mean), grade)
    (line,) = found
    assert line.verdict == verdict
    assert bool(failures(found)) == (verdict not in ("same", "within tolerance"))


def test_a_measure_that_is_gone_fails():
    (line,) = lines(observed(nDCG=0.5), observed(), EXACT)
    assert (line.verdict, line.decides) == ("missing", True)


def test_the_hash_of_a_whole_run_is_shown_and_decides_nothing():
    stages = [
        StageOutput("bm25", None, (ranked(a=1.0),), run_sha256=letter * 64) for letter in "ef"
    ]
    found = list(compare_outputs(Observed((stages[0],)), Observed((stages[1],)), {}))
    assert [line.verdict for line in found] == ["same", "same", "different"]
    assert not failures(found)


@pytest.mark.parametrize(
    ("recorded", "missing"),
    [
        (Observed(), "rerank: order"),
        (observed(RECORDED, nDCG=0.5), "rerank: order for r"),
        (observed(RECORDED, ranked("r", a=1.0)), "reranked: nDCG"),
    ],
)
def test_a_record_that_lacks_what_came_out_is_not_confirmed(recorded, missing):
    here = observed(RECORDED, ranked("r", a=1.0), nDCG=0.5)
    failed = failures(lines(recorded, here, EXACT))
    assert missing in [line.what for line in failed]
    assert failures(lines(here, here, EXACT)) == []
