import ast
from math import log2

import ir_measures
import pytest
import pytrec_eval

from secondpass import InputError
from secondpass.evaluation.first_stages.run_file import given_run
from secondpass.evaluation.measures import DEFAULT_MEASURES, Measures
from secondpass.evaluation.open_collection import open_collection
from secondpass.evaluation.runs import Ranked
from secondpass.utf8 import read_lines

COLLECTIONS = [
    ("arguana", "run.bm25.trec.gz"),
    ("cisi", "run.bm25.trec"),
    ("course_faq", "run.bm25.trec.gz"),
    ("cranfield", "run.bm25.trec"),
    ("dl19", "run.bm25.trec"),
    ("noveleval", "run.bm25.trec"),
    ("scifact", "run.bm25.trec"),
    ("xquad_en", "run.bm25.trec.gz"),
]


def ranked(*ids):
    return tuple(Ranked(id_, float(-at)) for at, id_ in enumerate(ids))


def test_values_worked_by_hand():
    qrels = {"q": {"a": 3, "b": 0, "c": 1}}
    values = Measures(("nDCG@10", "RR@10", "AP", "R@2"), qrels).values({"q": ranked("b", "a", "c")})
    # Gains are the grades: 0, 3, 1 at ranks 1 to 3, and 3, 1 at best.
    expected = (3 / log2(3) + 1 / log2(4)) / (3 / log2(2) + 1 / log2(3))
    assert values["nDCG@10"][0] == pytest.approx(expected)
    assert values["RR@10"][0] == pytest.approx(1 / 2)
    assert values["AP"][0] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert values["R@2"][0] == pytest.approx(1 / 2)


def test_a_query_without_results_scores_zero_and_an_unjudged_query_does_not_count():
    measures = Measures(DEFAULT_MEASURES, {"q1": {"a": 1}, "q2": {"a": 1}, "q3": {"a": 1}})
    values = measures.values({"q1": ranked("a"), "q3": (), "q9": ranked("z")})
    for name in DEFAULT_MEASURES:
        assert values[name].tolist() == [1.0, 0.0, 0.0]


def test_all_measures_see_one_order_where_scores_are_equal():
    # RR@10 comes of another package than AP, with another tie rule of its own.
    run = {"q": (Ranked("b", 1.0), Ranked("a", 1.0))}
    values = Measures(("RR@10", "RR", "AP"), {"q": {"b": 1}}).values(run)
    assert [values[name][0] for name in ("RR@10", "RR", "AP")] == [1.0, 1.0, 1.0]


def test_grades_that_count_as_relevant():
    measures = Measures(("AP", "AP(rel=2)", "nDCG@10"), {"q": {"a": 1, "b": 2}})
    values = measures.values({"q": ranked("a", "b")})
    assert values["AP"][0] == 1.0
    assert values["AP(rel=2)"][0] == 0.5
    assert measures.binary == ("AP",)


def test_a_query_whose_best_grade_is_that_of_spam_has_no_relevant_document():
    """TREC's -2 ended the process within pytrec_eval."""
    names = ("nDCG@10", "RR@10", "AP", "R@100")
    values = Measures(names, {"q": {"a": -2, "b": -3}}).values({"q": ranked("a", "b")})
    assert {name: values[name].tolist() for name in names} == {name: [0.0] for name in names}


@pytest.mark.parametrize(
    ("qrels", "message"),
    [
        ({"q": {"a": 3_000_000_000}}, "grade 3000000000 is above 10000"),
        ({"q": {"a": 10**30}}, "is above 10000"),
        ({"q": {"\ud800": 1}}, "is not valid Unicode"),
        ({"q\0": {"a": 1}}, "is not valid Unicode"),
    ],
)
def test_what_native_code_cannot_count_with_is_refused(qrels, message):
    with pytest.raises(InputError, match=message):
        Measures(("AP",), qrels)


@pytest.mark.parametrize(
    "name", ["nDGC@10", "nDCG@ten", "AP(relevance=2)", "nDCG@10 +", "import os"]
)
def test_an_unknown_measure_is_named(name):
    with pytest.raises(InputError, match="--measure"):
        Measures((name,), {"q": {"a": 1}})


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nDCG@10,RR", "'nDCG@10,RR' is not a measure: give --measure several times"),
        ("nDCG@10, RR@1O", "is not a measure: give --measure several times"),
        ("nDCG@10 RR", "is not a measure: give --measure several times"),
        ("AP(rel=2);R@100", "is not a measure: give --measure several times"),
        ("nDCG@1O", "'nDCG@1O' is not a measure; did you mean nDCG@10?"),
        ("Success@l", "is not a measure; did you mean Success@1?"),
        ("recal@1OO", "is not a measure; did you mean Recall@100?"),
        ("nDCG@", "is not a measure; did you mean nDCG@10?"),
        ("nDCG@1.5", "is not a measure; did you mean nDCG@10?"),
        ("nDCG@10)", "is not a measure; did you mean nDCG@10?"),
        ("R", "'R' is not a measure; did you mean R@10?"),
        ("AP(relevance=2)", "is not a measure; did you mean AP@10?"),
        ("", "'' is not a measure; write for example nDCG@10, RR@10, AP, R@100 or AP(rel=2)"),
        ("(" * 300, "is not a measure; write for example"),
        ("AP@True", "'AP@True' cannot be computed by the packages that are installed"),
        ("alpha_nDCG@10", "are installed; pip install ir-measures[pyndeval]"),
    ],
)
def test_what_may_be_meant_is_said_in_our_words(name, said):
    with pytest.raises(InputError) as raised:
        Measures((name,), {"q": {"a": 1}})
    message = str(raised.value)
    assert said in message
    assert message.endswith(("?", "times", "AP(rel=2)", "installed", "[pyndeval]"))
    assert len(message) < 200


def test_a_comma_within_a_measure_is_its_own():
    assert Measures(("AP(rel=2,cutoff=10)",), {"q": {"a": 2}}).names == ("AP(rel=2)@10",)


@pytest.mark.parametrize("name", ["R@0", "P@0", "nDCG@2147483648", "AP(rel=10001)", "AP(rel=0)"])
def test_a_parameter_that_native_code_cannot_count_with_is_refused(name):
    with pytest.raises(InputError, match="expected 1 to"):
        Measures((name,), {"q": {"a": 1}})


@pytest.mark.parametrize(("name", "file"), COLLECTIONS)
def test_the_measures_are_pytrec_evals_on_every_development_collection(shared, name, file):
    """pytrec_eval gets the files as they lie there, read by other code than ours."""
    folder = shared / "data" / "eval" / name
    run, qrels = {}, {}
    for line in read_lines(folder / file):
        query_id, _, document_id, _, score, _ = line.split()
        run.setdefault(query_id, {})[document_id] = float(score)
    for line in list(read_lines(folder / "qrels" / "test.tsv"))[1:]:
        query_id, document_id, grade = line.split()
        qrels.setdefault(query_id, {})[document_id] = int(grade)
    reference = pytrec_eval.RelevanceEvaluator(
        qrels, {"ndcg_cut.10", "recip_rank", "map", "recall.100"}
    ).evaluate(run)

    collection = open_collection(str(folder))
    values = Measures(DEFAULT_MEASURES, collection.qrels).values(given_run(collection, file))
    assert len(values["AP"]) == len(qrels)
    for at, query_id in enumerate(collection.qrels):
        theirs = reference.get(
            query_id, dict.fromkeys(("ndcg_cut_10", "recip_rank", "map", "recall_100"), 0.0)
        )
        # trec_eval's reciprocal rank has no cut-off: beyond rank 10 it is below 1/10.
        reciprocal = theirs["recip_rank"] if theirs["recip_rank"] > 1 / 10.5 else 0.0
        assert values["nDCG@10"][at] == pytest.approx(theirs["ndcg_cut_10"], abs=1e-6)
        assert values["RR@10"][at] == pytest.approx(reciprocal, abs=1e-6)
        assert values["AP"][at] == pytest.approx(theirs["map"], abs=1e-6)
        assert values["R@100"][at] == pytest.approx(theirs["recall_100"], abs=1e-6)


def test_bm25_on_dl19_is_the_published_figure(shared):
    """Anserini's BM25 on TREC DL 2019 passages: nDCG@10 0.5058."""
    collection = open_collection(str(shared / "data" / "eval" / "dl19"))
    run = given_run(collection, "run.bm25.trec")
    values = Measures(("nDCG@10",), collection.qrels).values(run)["nDCG@10"]
    assert round(float(values.mean()), 4) == 0.5058


def test_without_the_nodes_that_python_3_14_removed(monkeypatch):
    monkeypatch.setattr(ir_measures.util, "_ast_to_value", ir_measures.util._ast_to_value)
    for name in {"Num", "Str", "NameConstant"} & vars(ast).keys():  # 3.12 warns where it is asked
        monkeypatch.delattr(ast, name)
    measures = Measures(["nDCG@10", "AP(rel=2)"], {"q": {"d": 1}})
    assert measures.names == ("nDCG@10", "AP(rel=2)")
    with pytest.raises(InputError, match="is not a measure"):
        Measures(["nDCG@x"], {"q": {"d": 1}})
