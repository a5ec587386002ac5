"""Flat pairs by the callables of batches, and in Spark where it runs."""

import shutil
import sys

import numpy as np
import pyarrow as pa
import pytest
from batch_cases import rows

from secondpass.batch.callables import RerankRows, ScorePairs, pair_predictor
from secondpass.errors import InputError

GIVEN = [(row["query"], one["text"]) for row in rows(12) for one in row["documents"]]
LONG = "csv " * 100


@pytest.fixture(scope="module")
def scores(library):
    return library.predict(GIVEN)


def table(pairs):
    return pa.table({"query": [query for query, _ in pairs], "text": [text for _, text in pairs]})


def test_pairs_have_the_scores_of_predict(tiny_options, scores):
    found = ScorePairs(**tiny_options)(table(GIVEN))
    np.testing.assert_allclose(found.column("score").to_numpy(), scores, atol=1e-5)
    assert found.column("error").null_count == len(GIVEN)
    assert found.column_names == ["query", "text", "score", "error"]


@pytest.mark.parametrize(
    ("pair", "why"),
    [
        (("", "text"), "is empty"),
        ((None, "text"), "expected a string"),
        (("query", None), "the text is"),
        ((LONG, "text"), "query"),
    ],
)
def test_a_bad_pair_has_an_error_and_the_others_their_scores(tiny_options, scores, pair, why):
    found = ScorePairs(**tiny_options)(table([*GIVEN, pair, pair])).to_pylist()
    np.testing.assert_allclose([row["score"] for row in found[:-2]], scores, atol=1e-5)
    for row in found[-2:]:
        assert row["score"] is None
        assert why in row["error"]


NOT_UTF8 = pa.array([b"\xff", b"csv"]).cast(pa.string(), safe=False)


@pytest.mark.parametrize("column", ["query", "text"])
def test_a_value_that_python_cannot_hold_is_an_error_of_its_pair(tiny_options, column):
    given = pa.table({"query": ["csv", "csv"], "text": ["a", "b"]} | {column: NOT_UTF8})
    bad, good = ScorePairs(**tiny_options)(given).select(["score", "error"]).to_pylist()
    assert bad["score"] is None
    assert "cannot be read: 'utf-8' codec" in bad["error"]
    assert (good["error"], good["score"] is None) == (None, False)


def test_a_value_that_python_cannot_hold_is_an_error_of_its_row(tiny_options):
    far = pa.array([10**7, 2, 2], pa.date32())
    documents = pa.StructArray.from_arrays([pa.array(["a", "b", "c"]), far], ["text", "at"])
    given = {"query": ["q", "r"], "documents": pa.ListArray.from_arrays([0, 1, 3], documents)}
    table = RerankRows(**tiny_options)(pa.table(given))
    bad, good = table.select(["ranking", "error"]).to_pylist()
    why = "the row: documents cannot be read: date value out of range"
    assert bad == {"ranking": None, "error": why}
    assert (sorted(one["index"] for one in good["ranking"]), good["error"]) == ([0, 1], None)


def test_two_columns_of_a_name_are_refused(tiny_options):
    given = pa.table([["a"], ["b"], ["c"]], names=["query", "text", "text"])
    with pytest.raises(InputError, match="two columns 'text': rename one"):
        ScorePairs(**tiny_options)(given)


def test_nothing_is_scored_of_nothing(tiny_options):
    found = ScorePairs(**tiny_options)(
        table([]).cast(pa.schema([("query", "string"), ("text", "string")]))
    )
    assert found.num_rows == 0


def test_columns_of_the_same_names_are_replaced(tiny_options):
    given = table(GIVEN[:2]).append_column("score", pa.array(["old", "older"]))
    found = ScorePairs(**tiny_options)(given)
    assert found.column_names == ["query", "text", "score", "error"]
    assert found.schema.field("score").type == pa.float32()


def test_the_predictor_of_spark_gives_scores_and_errors(tiny_options, scores):
    predict = pair_predictor(**tiny_options, threads=1)()
    queries, texts = (np.array(column, object) for column in zip(*GIVEN, ("", "a"), strict=True))
    found = predict(queries, texts)
    np.testing.assert_allclose(found["score"][:-1], scores, atol=1e-5)
    assert np.isnan(found["score"][-1])
    assert found["error"][-1].startswith("query '' is empty")
    assert set(found["error"][:-1]) == {""}


def test_a_wrong_option_is_known_before_a_worker_starts():
    with pytest.raises(InputError, match="there is no option 'effrot'"):
        pair_predictor(effrot="fast")


@pytest.mark.filterwarnings("ignore")
def test_spark_scores_a_frame(tiny_options, scores, monkeypatch):
    pytest.importorskip("pyspark", reason="pyspark is not installed")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    from pyspark.ml.functions import predict_batch_udf
    from pyspark.sql import SparkSession
    from pyspark.sql.types import FloatType, StringType, StructType

    kind = StructType().add("score", FloatType()).add("error", StringType())
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    spark = builder.config("spark.driver.memory", "512m").getOrCreate()
    try:
        score = predict_batch_udf(
            pair_predictor(**tiny_options, threads=1),
            return_type=kind,
            batch_size=32,
        )
        frame = spark.createDataFrame([*GIVEN, ("", "a")], ["query", "text"])
        found = frame.withColumn("scored", score("query", "text")).collect()
    finally:
        spark.stop()
    by_pair = {(row["query"], row["text"]): row["scored"] for row in found}
    np.testing.assert_allclose([by_pair[pair]["score"] for pair in GIVEN], scores, atol=1e-5)
    assert by_pair["", "a"]["error"].startswith("query '' is empty")
