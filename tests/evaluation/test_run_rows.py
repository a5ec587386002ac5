"""Runs in rows of JSON Lines and Parquet."""

import json

import pytest

from secondpass import InputError
from secondpass.evaluation.first_stages.run_rows import is_of_rows, read_run_of_rows
from secondpass.evaluation.runs import Ranked


def lines(tmp_path, *rows):
    file = tmp_path / "run.jsonl"
    file.write_text(
        "".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in rows)
    )
    return file


def test_scores_order_as_in_a_trec_run(tmp_path):
    file = lines(
        tmp_path,
        {
            "id": "q1",
            "documents": [{"id": "a", "score": 1}, {"id": "b", "score": 2.5, "text": "x"}],
        },
        {"query_id": 2, "candidates": [{"_id": 7}, {"_id": "c"}, {"document_id": "d"}]},
        {"_id": "q3", "passages": []},
    )
    assert read_run_of_rows(file) == {
        "q1": (Ranked("b", 2.5), Ranked("a", 1.0)),
        "2": (Ranked("7", 0.0), Ranked("c", -1.0), Ranked("d", -2.0)),
        "q3": (),
    }


def test_parquet(tmp_path):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    rows = {"id": [1], "documents": [[{"id": "a", "score": 0.5}, {"id": "b", "score": 0.75}]]}
    pq.write_table(pa.table(rows), tmp_path / "run.parquet")
    assert read_run_of_rows(tmp_path / "run.parquet") == {
        "1": (Ranked("b", 0.75), Ranked("a", 0.5))
    }


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("a.jsonl", True),
        ("a.NDJSON.gz", True),
        ("a.parquet", True),
        ("a.trec", False),
        ("a", False),
    ],
)
def test_the_name_says_what_it_is(tmp_path, name, rows):
    assert is_of_rows(tmp_path / name) is rows


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{", "line 1 is not valid JSON"),
        ({"documents": []}, r"line 1 has no 'query_id' or 'id' or '_id', only \['documents'\]"),
        ({"id": "q"}, "line 1 has no 'documents'"),
        ({"id": None, "documents": []}, "id is null, expected a string or an integer"),
        ({"id": " ", "documents": []}, "is empty"),
        ({"id": "q", "documents": "a"}, "documents is the string"),
        ({"id": "q", "documents": ["a"]}, r"documents\[0\] is the string"),
        ({"id": "q", "documents": [{"text": "a"}]}, r"documents\[0\] has no 'id'"),
        ({"id": "q", "documents": [{"id": "a"}, {"id": "a"}]}, "document 'a' is there twice"),
        ({"id": "q", "documents": [{"id": "a", "score": 1}, {"id": "b"}]}, "score is null"),
        ({"id": "q", "documents": [{"id": "a", "score": "1"}]}, "score is the string"),
        ({"id": "q", "documents": [{"id": "a", "score": 1e300}]}, "finite 32-bit number"),
    ],
)
def test_a_row_that_is_none_of_a_run_is_named(tmp_path, row, said):
    with pytest.raises(InputError, match=said):
        read_run_of_rows(lines(tmp_path, row))


def test_a_query_that_comes_twice_is_named(tmp_path):
    one = {"id": "q", "documents": [{"id": "a"}]}
    with pytest.raises(InputError, match="line 2: query 'q' comes twice"):
        read_run_of_rows(lines(tmp_path, one, one))
