"""Training data as it is read: titles, sources, licences, a BEIR folder's split; bad lines."""

import gzip
import hashlib
import json
from pathlib import Path

import pytest
from toy import write_lines

from secondpass import InputError
from secondpass.training.beir_split import read_train_split
from secondpass.training.data import without_queries
from secondpass.training.licence import find_licence, parse_licences
from secondpass.training.reading import read_json_lines

ROWS = [
    {"query": "who rules", "positive": "A queen does.", "title": "Spain", "id": 7},
    {
        "query": "what is it",
        "positive": "Spain is a land.",
        "title": "Spain",
        "negatives": ["Rome"],
    },
    {"query": "a city", "positive": "Rome", "negatives": ["A queen does.", " "], "source": "other"},
]


def test_titles_sources_and_rows(tmp_path):
    read = read_json_lines(write_lines(tmp_path / "pairs.jsonl", ROWS), {})
    # The second already begins with its title; the third's negative gets the first's.
    assert read.passages == ("Spain A queen does.", "Spain is a land.", "Rome")
    assert [(one.positive, one.given, one.source) for one in read.examples] == [
        (0, (), "pairs"),
        (1, (2,), "pairs"),
        (2, (0,), "other"),
    ]
    assert read.unused_fields == ("id",)


def test_gzipped_file_and_its_hash(tmp_path):
    file = tmp_path / "pairs.jsonl.gz"
    file.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in ROWS).encode()))
    read = read_json_lines(file, {})
    assert read.name == "pairs"
    assert len(read.examples) == 3
    assert read.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"positive": "a"}', "line 2 has no 'query'; its fields are positive"),
        ('{"query": "a"}', "line 2 has no 'positive'"),
        ('{"query": " ", "positive": "a"}', "line 2: 'query' is ' '"),
        ('{"query": "a", "positive": 3}', "line 2: 'positive' is 3"),
        ('{"query": "a", "positive": "b", "negatives": "c"}', "line 2: 'negatives' is not a list"),
        ('{"query": "a", "positive": "b", "negatives": [1]}', "line 2: 'negatives' is not a list"),
        ('{"query": "a", "positive": "b", "title": 1}', "line 2: 'title' is 1"),
        ("[1]", "line 2 is the list [1], expected an object"),
        ("{", "line 2 is not valid JSON"),
    ],
)
def test_a_line_that_is_no_example_is_named(tmp_path, line, message):
    file = tmp_path / "pairs.jsonl"
    file.write_text('{"query": "a", "positive": "b"}\n' + line + "\n")
    with pytest.raises(InputError) as error:
        read_json_lines(file, {})
    assert f"{file} {message}" in str(error.value)


def test_an_empty_file_is_refused(tmp_path):
    file = write_lines(tmp_path / "pairs.jsonl", [])
    with pytest.raises(InputError, match="holds no example"):
        read_json_lines(file, {})


def test_licences(tmp_path):
    file = write_lines(tmp_path / "pairs.jsonl", ROWS)
    assert find_licence(file, {}) == "not stated"
    (tmp_path / "meta.json").write_text('{"licence": "MIT"}')
    assert find_licence(file, {}) == "MIT"
    (tmp_path / "pairs.meta.json").write_text('{"license": "CC0"}')
    assert find_licence(file, {}) == "CC0"
    given = parse_licences(["pairs.jsonl=CC BY = 4.0"], [file])
    assert find_licence(file, given) == "CC BY = 4.0"
    with pytest.raises(InputError, match="not FILE=TEXT"):
        parse_licences(["MIT"], [file])
    with pytest.raises(InputError, match="is not among --train"):
        parse_licences(["other.jsonl=MIT"], [Path("pairs.jsonl")])


def test_a_beir_folders_train_split(tmp_path):
    write_lines(
        tmp_path / "corpus.jsonl",
        [
            {"_id": "a", "title": "Rome", "text": "a city"},
            {"_id": "b", "text": "a land"},
            {"_id": "c", "text": "a sea"},
        ],
    )
    write_lines(
        tmp_path / "queries.jsonl", [{"_id": "1", "text": "city"}, {"_id": "2", "text": "x"}]
    )
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "train.tsv").write_text(
        "query-id\tcorpus-id\tscore\n1\ta\t2\n1\tb\t1\n1\tc\t0\n2\tc\t0\n"
    )
    read = read_train_split(tmp_path, {})
    assert read.passages == ("Rome a city", "a land", "a sea")
    assert [(one.query, one.positive, one.given) for one in read.examples] == [
        ("city", 0, (2,)),
        ("city", 1, (2,)),
    ]


def test_scifacts_train_split(shared):
    read = read_train_split(shared / "data" / "eval" / "scifact", {})
    assert len(read.examples) == 919  # lines of qrels/train.tsv under its header
    assert "ODC-By" in read.licence


def test_development_queries_are_kept_out(tmp_path):
    read = read_json_lines(write_lines(tmp_path / "pairs.jsonl", ROWS), {})
    kept, count = without_queries(read, ["WHO  rules", "unknown"])
    assert count == 1
    assert [one.query for one in kept.examples] == ["what is it", "a city"]
    with pytest.raises(InputError, match="each of its 3 queries"):
        without_queries(read, [row["query"] for row in ROWS])
