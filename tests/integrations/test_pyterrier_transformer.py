"""The PyTerrier transformer, in pipelines of the real package."""

import math
import pickle

import pytest

# What PyTerrier itself does with the newest pandas.
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword")

pt = pytest.importorskip("pyterrier", reason="the extra 'pyterrier' is not installed")
pd = pytest.importorskip("pandas")

from secondpass import CrossEncoderReranker  # noqa: E402
from secondpass.errors import InputError  # noqa: E402
from secondpass.integrations.pyterrier import SecondpassReranker  # noqa: E402

QUERIES = {"q2": "read a csv file", "q1": "the time of day"}
TEXTS = {"d1": "how to read a csv file", "d2": "a clock shows the time of day", "d3": "sheep"}


def results(queries=QUERIES, texts=TEXTS, **columns):
    """Return a frame of all documents for each query, as a first stage gives it."""
    rows = [
        {"qid": qid, "query": query, "docno": docno, "text": text, "score": 1.0 - at, "rank": at}
        for qid, query in queries.items()
        for at, (docno, text) in enumerate(texts.items())
    ]
    return pd.DataFrame(rows).assign(**columns)


@pytest.fixture(scope="module")
def reranker():
    with CrossEncoderReranker() as loaded:
        yield loaded


@pytest.fixture(scope="module")
def transformer(reranker):
    return SecondpassReranker(reranker)


def test_each_query_has_the_ranking_of_the_library(transformer, reranker):
    found = transformer(results())
    assert list(found["qid"]) == ["q2"] * 3 + ["q1"] * 3
    assert list(found["rank"]) == [0, 1, 2, 0, 1, 2]
    for qid, query in QUERIES.items():
        ranking = reranker.rank(query, list(TEXTS.values()), None)
        of_query = found[found["qid"] == qid]
        assert list(of_query["docno"]) == [list(TEXTS)[hit.index] for hit in ranking]
        assert list(of_query["score"]) == pytest.approx([h.score for h in ranking], abs=1e-4)


def test_other_columns_stay_and_the_input_is_left_alone(transformer):
    given = results(docid=range(6), url=[f"u{at}" for at in range(6)])
    before = given.copy(deep=True)
    found = transformer(given)
    pd.testing.assert_frame_equal(given, before)
    assert list(found.columns) == list(given.columns)
    assert dict(zip(found["docid"], found["url"], strict=True)) == dict(
        zip(given["docid"], given["url"], strict=True)
    )
    assert list(found.index) == list(range(6))


def test_results_that_have_no_score_yet_get_one(transformer):
    found = transformer(results().drop(columns=["score", "rank"]))
    assert found["score"].dtype == "float64"
    assert found["rank"].dtype == "int64"


def test_rows_of_queries_may_be_mixed(transformer):
    mixed = results().sample(frac=1, random_state=3)
    found, expected = transformer(mixed), transformer(results())
    for qid in QUERIES:
        order = list(found[found["qid"] == qid]["docno"])
        assert order == list(expected[expected["qid"] == qid]["docno"])


def test_equal_scores_keep_the_order_of_the_input(transformer):
    same = {"d9": "sheep", "d1": "sheep", "d5": "sheep"}
    assert list(transformer(results(texts=same))["docno"]) == ["d9", "d1", "d5"] * 2


def test_queries_share_one_call(reranker, monkeypatch):
    calls = []
    real = type(reranker).rank_many

    def counted(self, queries, texts, *args, **options):
        calls.append(len(queries))
        return real(self, queries, texts, *args, **options)

    monkeypatch.setattr(type(reranker), "rank_many", counted)
    SecondpassReranker(reranker)(results())
    assert calls == [2]


def test_it_works_in_pipelines(transformer):
    first = pt.Transformer.from_df(results())
    topics = pd.DataFrame(list(QUERIES.items()), columns=["qid", "query"])
    best = (first % 2 >> transformer % 1)(topics)
    assert dict(zip(best["qid"], best["docno"], strict=True)) == {"q2": "d1", "q1": "d2"}
    found = (first >> transformer).search("read a csv file", qid="q2")
    assert found["docno"].iloc[0] == "d1"
    both = (first >> (transformer + transformer))(topics)
    one = transformer(results())
    assert sorted(both["score"]) == pytest.approx(sorted(2 * one["score"]))


def test_it_takes_records_too(transformer):
    found = transformer(results().to_dict(orient="records"))
    assert [row["rank"] for row in found] == [0, 1, 2, 0, 1, 2]


def test_an_experiment_measures_it(transformer):
    qrels = pd.DataFrame([("q2", "d1", 1), ("q1", "d2", 1)], columns=["qid", "docno", "label"])
    topics = pd.DataFrame(list(QUERIES.items()), columns=["qid", "query"])
    first = pt.Transformer.from_df(results(texts=dict(reversed(TEXTS.items()))))
    systems = [first, first >> transformer]
    table = pt.Experiment(systems, topics, qrels, ["recip_rank"], plan="tree")
    before, after = table["recip_rank"]
    assert after == 1.0
    assert before < after


def test_what_goes_in_and_out_can_be_inspected(transformer):
    (needed,) = pt.inspect.transformer_inputs(transformer)
    assert set(needed) == {"qid", "query", "docno", "text"}
    out = pt.inspect.transformer_outputs(transformer, ["qid", "query", "docno", "text"])
    assert out == ["qid", "query", "docno", "text", "score", "rank"]


def test_no_result_is_no_error(transformer):
    found = transformer(results().iloc[:0])
    assert len(found) == 0
    assert {"score", "rank"} <= set(found.columns)


def test_the_text_may_be_in_another_column(reranker):
    given = results().rename(columns={"text": "body"})
    found = SecondpassReranker(reranker, text_field="body")(given)
    assert found["docno"].iloc[0] == "d1"


@pytest.mark.parametrize("column", ["qid", "query", "docno", "text"])
def test_a_missing_column_is_pyterriers_error(transformer, column):
    with pytest.raises(pt.validate.InputValidationError, match=column):
        transformer(results().drop(columns=[column]))


@pytest.mark.parametrize("text", [None, math.nan, 7, b"sheep"])
def test_a_document_without_a_text_is_named(transformer, text):
    given = results().astype({"text": object})
    given.at[4, "text"] = text
    with pytest.raises(InputError, match=r"document 'd2' of qid 'q1': 'text' is .*get_text"):
        transformer(given)


@pytest.mark.parametrize("query", ["", "  ", None])
def test_a_query_that_cannot_be_ranked_by_is_an_error(transformer, query):
    with pytest.raises(InputError, match="query"):
        transformer(results(queries={"q1": query}))


def test_two_queries_of_one_id_are_an_error(transformer):
    given = results()
    given.at[1, "query"] = "another"
    with pytest.raises(InputError, match="qid 'q2' has two queries, 'read a csv file' and 'anoth"):
        transformer(given)


def test_a_copy_ranks_alike(transformer):
    copied = pickle.loads(pickle.dumps(transformer))
    pd.testing.assert_frame_equal(copied(results()), transformer(results()), check_exact=False)
    assert repr(copied) == repr(transformer)


@pytest.mark.parametrize(
    ("reranker", "options", "said"),
    [
        ("a model", {}, "reranker is str 'a model', expected a CrossEncoderReranker"),
        (None, {"text_field": 3}, "text_field is 3, expected the name of a column"),
        (None, {"text_field": None}, "text_field is None"),
    ],
)
def test_what_it_is_made_of_is_checked_at_once(reranker, options, said):
    from secondpass.testing import FakeReranker

    with pytest.raises(InputError, match=said):
        SecondpassReranker(FakeReranker() if reranker is None else reranker, **options)


def test_a_fake_reranker_ranks_in_tests():
    from secondpass.testing import FakeReranker

    found = pd.DataFrame(
        {"qid": ["1", "1"], "query": "csv", "docno": ["a", "b"], "text": ["x", "a csv"]}
    )
    assert SecondpassReranker(FakeReranker())(found)["docno"].tolist() == ["b", "a"]
