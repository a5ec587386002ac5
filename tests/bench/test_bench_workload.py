"""Queries and candidates: from files, and made of the documents themselves."""

import json

import pytest
from fake_index_embedder import SlowEmbedder
from fake_stages import FakeClock

from secondpass import InputError
from secondpass.bench.workload import (
    asked,
    candidates_workload,
    first_sentence,
    first_sentences,
    index_workload,
    read_queries,
)
from secondpass.retrieval.index import Index

TEXTS = [f"Return the row of number {word}. And more." for word in ("one", "two", "three", "four")]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Read a csv file. Then close it.", "read a csv file"),
        ("open(path, mode)\n\nOpen a file and return it", "open a file and return it"),
        ("Version 3.11 of the language is here.", "version 3.11 of the language is here"),
        ("Too short here.", None),
        ("word " * 21, None),
        ("", None),
    ],
)
def test_the_first_sentence_that_reads_like_a_query(text, sentence):
    assert first_sentence(text) == sentence


def test_equal_sentences_are_asked_once():
    assert first_sentences([TEXTS[0], TEXTS[1], TEXTS[0]]) == [
        "return the row of number one",
        "return the row of number two",
    ]


def test_queries_come_one_a_line_or_as_json_lines(tmp_path):
    file = tmp_path / "queries"
    rows = [{"_id": "7", "text": "read a csv"}, {"query": "sort a list"}]
    file.write_text("plain words\n\n" + "\n".join(map(json.dumps, rows)) + "\n\ufeffé 你好\n")
    assert read_queries(str(file))[:3] == ["plain words", "read a csv", "sort a list"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no queries"),
        (b'ok\n{"text": ""}', 'line 2 has no query: expected "text" or "query"'),
        (b"{broken", "line 1 begins with '{' but is not valid JSON"),
        (b"ok\xff", "not UTF-8: byte 0xff at offset 2"),
    ],
)
def test_a_file_without_queries_is_named(tmp_path, content, message):
    file = tmp_path / "queries"
    file.write_bytes(content)
    with pytest.raises(InputError) as raised:
        read_queries(str(file))
    assert str(file) in str(raised.value)
    assert message in str(raised.value)
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_queries(str(tmp_path / "missing"))


@pytest.fixture
def index(tmp_path):
    index = Index.create(tmp_path / "index", SlowEmbedder(FakeClock(), 0.01))
    index.add({"id": str(at), "text": text} for at, text in enumerate(TEXTS))
    return index


def test_an_index_is_asked_for_its_own_sentences_in_an_order_of_the_seed(index):
    first, again = (index_workload(index, None, seed=1) for _ in range(2))
    assert first.queries == again.queries
    assert sorted(first.queries) == sorted(first_sentences(TEXTS))
    assert {index_workload(index, None, seed=seed).queries for seed in range(9)} != {first.queries}
    assert (first.vectors, first.dimension, first.dense) == (4, 8, True)
    assert first.queries_from == "first sentences of 4 of its documents"


def test_fixed_candidates_are_asked_for_their_own_sentences():
    workload = candidates_workload(TEXTS, "c.jsonl", None, seed=1)
    assert (workload.vectors, workload.dense) == (None, False)
    assert sorted(workload.queries) == sorted(first_sentences(TEXTS))
    with pytest.raises(InputError, match=r"c\.jsonl holds no candidates"):
        candidates_workload([], "c.jsonl", None, seed=1)
    with pytest.raises(InputError, match="give --queries FILE"):
        candidates_workload(["short"], "c.jsonl", None, seed=1)


def test_few_queries_are_asked_again():
    assert asked(("a", "b", "c"), 7) == ("a", "b", "c", "a", "b", "c", "a")
    assert asked(("a", "b", "c"), 2) == ("a", "b")
