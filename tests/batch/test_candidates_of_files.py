"""Queries with their candidates from JSON Lines, Parquet and TREC runs."""

import json
from pathlib import Path

import pytest

from secondpass import Candidates, InputError

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

ROWS = [
    {"id": 7, "query": "wool", "documents": ["Sheep.", {"text": "Cows.", "url": "x", "n": [1]}]},
    {"query": "milk", "documents": []},
]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines(name, rows):
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_json_lines_keep_every_field_and_can_be_read_again(here):
    lines("a.jsonl", ROWS)
    found = Candidates.from_file("a.jsonl")
    for _ in range(2):
        first, second = found
        assert (first.id, first.query) == ("7", "wool")
        assert first.candidates == [{"text": "Sheep."}, {"text": "Cows.", "url": "x", "n": [1]}]
        assert (second.id, second.query, second.candidates) == ("1", "milk", [])


def test_parquet(here):
    table = pa.table(
        {
            "question": ["wool"],
            "passages": [[{"body": "Sheep.", "score": 0.5}, {"body": "Cows.", "score": None}]],
        }
    )
    pq.write_table(table, "a.parquet")
    (one,) = Candidates.from_file("a.parquet", query_field="question", text_field="body")
    assert (one.id, one.query) == ("0", "wool")
    assert one.candidates == [{"body": "Sheep.", "score": 0.5}, {"body": "Cows.", "score": None}]


def run_files():
    Path("run.trec").write_text("q1 Q0 b 1 2.5 t\nq1 Q0 a 2 3.5 t\nq2 Q0 a 1 1 t\n")
    lines("queries.jsonl", [{"_id": "q1", "text": "wool"}, {"_id": "q2", "text": "milk"}])
    lines("corpus.jsonl", [{"_id": "a", "title": "A", "text": "x"}, {"_id": "b", "text": "y"}])
    return "run.trec", "queries.jsonl", "corpus.jsonl"


def test_a_run_gives_texts_and_scores_best_first(here):
    first, second = Candidates.from_run(*run_files())
    assert (first.id, first.query, second.id) == ("q1", "wool", "q2")
    assert first.candidates == [
        {"id": "a", "text": "A x", "score": 3.5},
        {"id": "b", "text": "y", "score": 2.5},
    ]
    (best, _) = Candidates.from_run(*run_files(), depth=1, title_field="")
    assert best.candidates == [{"id": "a", "text": "x", "score": 3.5}]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("not JSON", r"a\.jsonl .*not valid JSON"),
        ('{"documents": []}', r"a\.jsonl line 1 has no 'query'"),
        ('{"query": " ", "documents": []}', r"a\.jsonl line 1: query ' ' is empty"),
        ('{"query": "q"}', r"a\.jsonl line 1 has no 'documents'"),
        ('{"query": "q", "documents": ["a", 3]}', r"a\.jsonl row 1: document 1 is the number 3"),
        ('{"query": "q", "documents": [{"x": 1}]}', r"a\.jsonl row 1: .*'text'"),
    ],
)
def test_a_row_that_is_not_whole_is_named(here, row, said):
    Path("a.jsonl").write_text(row + "\n")
    with pytest.raises(InputError, match=said):
        list(Candidates.from_file("a.jsonl"))


def test_ids_of_a_run_without_a_text_are_named(here):
    files = run_files()
    lines("corpus.jsonl", [{"_id": "a", "text": "x"}])
    with pytest.raises(InputError, match=r"run\.trec row 1: document 'b' is not in the corpus"):
        list(Candidates.from_run(*files))
    lines("queries.jsonl", [{"_id": "q2", "text": "x"}])
    with pytest.raises(InputError, match=r"run\.trec line 1: query 'q1' is not among the queries"):
        list(Candidates.from_run(*files))


@pytest.mark.parametrize(
    ("name", "said"),
    [("none.jsonl", "there is no file none.jsonl"), ("a.csv", "none of .jsonl, .ndjson and")],
)
def test_files_are_looked_at_at_once(here, name, said):
    with pytest.raises(InputError, match=said):
        Candidates.from_file(name)
