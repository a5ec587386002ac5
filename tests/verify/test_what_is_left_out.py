"""No record is confirmed by leaving out what would fail, or by scores that excuse any order."""

from dataclasses import replace

import pytest
from made_records import MODEL, observed, outcome, ranked, record

from secondpass.verify.arithmetic import Comparability
from secondpass.verify.check_lines import failures
from secondpass.verify.compare import compare
from secondpass.verify.compare_outputs import compare_outputs
from secondpass.verify.outputs import StageOutput
from secondpass.verify.record import DataSource, ModelUse, Observed

DENSE = StageOutput("dense", None, (ranked("q", a=0.9, b=0.5), ranked("r", a=0.8, b=0.7)))
RERANK = StageOutput("rerank", "cross-encoder", (ranked("q", a=3.0, b=2.0, c=-1.0),))
WHOLE = outcome(
    models=(ModelUse("cross-encoder", MODEL), ModelUse("bi-encoder", MODEL)),
    data=(
        DataSource("queries", "made", "queries.jsonl", "c" * 64),
        DataSource("corpus", "given", "corpus.jsonl", "d" * 64),
    ),
    observed=Observed((DENSE, RERANK), observed(nDCG=0.5, MRR=0.25).measures),
)


def failing(recorded):
    return {line.what for line in failures(compare(record(recorded), record(WHOLE)))}


def test_a_whole_record_is_confirmed():
    assert failing(WHOLE) == set()


@pytest.mark.parametrize(
    ("left", "missing"),
    [
        ({"models": WHOLE.models[:1]}, {"bi-encoder"}),
        ({"data": WHOLE.data[1:]}, {"queries"}),
        ({"data": ()}, {"queries", "corpus"}),
        ({"vectors": None}, {"vectors"}),
        ({"seed": None}, {"seed"}),
        ({"observed": Observed((DENSE,), WHOLE.observed.measures)}, {"rerank: order"}),
        (
            {"observed": replace(WHOLE.observed, measures=WHOLE.observed.measures[:1])},
            {"reranked: MRR"},
        ),
        (
            {
                "observed": replace(
                    WHOLE.observed, stages=(replace(DENSE, queries=DENSE.queries[:1]), RERANK)
                )
            },
            {"dense: order for r"},
        ),
        (
            {
                "observed": replace(
                    WHOLE.observed,
                    stages=(replace(DENSE, queries=(ranked("q"), *DENSE.queries[1:])), RERANK),
                )
            },
            {"dense: order for q"},
        ),
    ],
)
def test_what_the_record_leaves_out_is_not_confirmed(left, missing):
    assert failing(replace(WHOLE, **left)) == missing


def test_a_record_of_little_names_all_that_it_lacks():
    kept = Observed((DENSE,))
    little = replace(
        WHOLE, models=WHOLE.models[:1], data=(), vectors=None, seed=None, observed=kept
    )
    lacking = {"bi-encoder", "queries", "corpus", "vectors", "seed"}
    outputs = {"rerank: order", "reranked: nDCG", "reranked: MRR"}
    assert failing(little) == lacking | outputs


@pytest.mark.parametrize("grade", ["exact", "alike", "other"])
@pytest.mark.parametrize(
    "recorded",
    [
        ranked(c=1.0, b=1.0, a=1.0),
        ranked(c=1.0001, b=1.0, a=0.9999),
        ranked(b=1000.0, a=999.0, c=0.0),
    ],
    ids=["all the same", "nearly", "one far away"],
)
def test_no_score_in_a_record_excuses_another_order(recorded, grade):
    here = ranked(a=3.0, b=2.0, c=-1.0)
    grades = {"cross-encoder": Comparability(grade, "another processor")}
    found = compare_outputs(observed(recorded), observed(here), grades)
    assert "rerank: order for q" in {line.what for line in failures(found)}
