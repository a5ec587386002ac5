"""Files that anyone may have written: an error of ours by name, or a result; never a crash."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_collection import write_collection

from secondpass import InputError
from secondpass.evaluation.measures import Measures
from secondpass.evaluation.open_collection import open_collection
from secondpass.evaluation.qrels import read_qrels
from secondpass.evaluation.runs import read_run
from secondpass.ingest.tables import read_rows
from secondpass.jsonl import read_objects

QUICK = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
# Pieces of what such files are made of, and of what breaks them.
PIECES = st.sampled_from(
    [
        *(b"q1", b"d1", b"0", b"1", b"-2", b"3e9", b"1e30", b"0.5", b"nan", b"Q0", b"t"),
        *(b" ", b"\t", b"\n", b"\r", b"\r\n", b"\n\n", b",", b";", b'"', b"'", b"\\", b"\0"),
        *(b'{"_id": "a", "text": "b"}', b'{"text":', b"{", b"}", b"[", b"]", b":", b'"_id"'),
        *(b'"\\ud800"', b"\xff\xfe", b"\xef\xbb\xbf", b"\xe9", "é中\u2028".encode(), b"\x1f\x8b"),
        *(b"9" * 30, b"9" * 5000, b"[" * 2000, b"NaN", b"true", b"null", b"id,text", b"PAR1"),
    ]
)
CONTENT = st.one_of(st.lists(PIECES, max_size=40).map(b"".join), st.binary(max_size=200))


@pytest.fixture(scope="module")
def place():
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def refused_or(function, *arguments):
    """Return the result, or None where it is an error of ours, in few words."""
    try:
        return function(*arguments)
    except InputError as error:
        said = str(error)
    assert len(said) < 800
    return None


@QUICK
@given(content=CONTENT)
@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.tsv", "a.jsonl.gz"])
def test_rows(place, name, content):
    file = place / name
    file.write_bytes(content)
    for _, row in refused_or(lambda: list(read_rows(file))) or []:
        json.dumps(row, ensure_ascii=False, sort_keys=True).encode()


@QUICK
@given(content=CONTENT)
def test_objects_can_be_written_again(place, content):
    file = place / "b.jsonl"
    file.write_bytes(content)
    for _, value in refused_or(lambda: list(read_objects(file))) or []:
        json.dumps(value, ensure_ascii=False).encode()


@QUICK
@given(content=CONTENT)
def test_judgements_and_runs(place, content):
    file = place / "qrels"
    file.write_bytes(content)
    for judged in (refused_or(read_qrels, file) or {}).values():
        assert all(0 <= grade <= 10_000 for grade in judged.values())
    for ranked in (refused_or(read_run, file) or {}).values():
        assert all(abs(one.score) < 3.5e38 for one in ranked)


MEASURE = """
import sys
from pathlib import Path
from secondpass import InputError
from secondpass.evaluation.measures import Measures
from secondpass.evaluation.qrels import read_qrels
from secondpass.evaluation.runs import Ranked
try:
    qrels = read_qrels(Path(sys.argv[1]))
except InputError as error:
    print("refused", error)
else:
    measures = Measures(["nDCG@10", "AP", "R@100", "RR", "P@5"], qrels)
    run = {id_: (Ranked("d1", 1.0), Ranked("x", 0.5)) for id_ in qrels}
    print({name: values.tolist() for name, values in measures.values(run).items()})
"""


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        ("q1 0 d1 -2", "0.0"),
        ("q1 0 d1 -2\nq1 0 d2 -1", "0.0"),
        ("q1\td1\t1.0", "1.0"),
        ("q1 0 d1 3000000000", "refused"),
        ("q1 0 d1 1e30", "refused"),
        ("q1 0 d1 0.5", "refused"),
        ("q1 0 d1 10000", "1.0"),
        ("q1\td1\t", "refused"),
        ("q\u2028 0 d1 1", "1.0"),
        (f"q1 0 {'d' * 10**6} 1", "0.0"),
        ("q1 0 d\u0301 1", "0.0"),
    ],
    ids=lambda one: one[:20],  # a test's name is in the environment of the processes it starts
)
def test_what_native_measures_are_given_does_not_end_the_process(tmp_path, line, outcome):
    pytest.importorskip("ir_measures")
    file = tmp_path / "qrels"
    file.write_text(line)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, file], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert outcome in done.stdout
    assert len(done.stdout) < 1000


def test_measures_check_what_no_file_held():
    with pytest.raises(InputError, match="is not valid Unicode"):
        Measures(["AP"], {"q": {"\ud800": 1}})
    with pytest.raises(InputError, match="id '' is empty"):
        Measures(["AP"], {"": {"d": 1}})


@pytest.mark.parametrize(
    "content",
    [
        "query-id\tcorpus-id\tscore\nq1\ta\t1\n",
        "Query-Id\tCorpus-Id\tScore\r\nq1\ta\t1\r\n",
        "query_id iteration doc_id relevance\nq1 0 a 1\n",
        "q1\ta\t1",
        "q1 0 a 1\n",
        "q1\t0\ta\t1\t\n",
        "  q1   0   a   1  \r\n\r\n",
        "q1 0 a 1\rq2 0 b 1\r",
        "\ufeffq1 0 a 1\n",
        "q1 0 a +1.0\n",
    ],
)
def test_judgements_as_people_have_them(tmp_path, content):
    file = tmp_path / "qrels"
    file.write_bytes(content.encode())
    assert read_qrels(file)["q1"] == {"a": 1}
    file.write_bytes(content.lstrip("\ufeff").encode("utf-16"))
    assert read_qrels(file)["q1"] == {"a": 1}


def test_tabs_keep_the_blanks_of_an_id(tmp_path):
    file = tmp_path / "qrels"
    file.write_text("query-id\tcorpus-id\tscore\nq 1\told page\t1\nq 1\told page \t2\n")
    assert read_qrels(file) == {"q 1": {"old page": 1, "old page ": 2}}


def test_only_the_blanks_of_ascii_part_fields(tmp_path):
    file = tmp_path / "file"
    file.write_text("q\u00a01 0 d\u2028 1\n")
    assert read_qrels(file) == {"q\u00a01": {"d\u2028": 1}}
    file.write_text("q\u00a01 Q0 d\u2028 1 0.5 t\n")
    assert [one.document_id for one in read_run(file)["q\u00a01"]] == ["d\u2028"]


def test_ids_that_look_alike_are_kept_apart(tmp_path):
    ids = ["1", "01", "1 ", "\u00e9", "e\u0301", "A", "a", "1.0"]
    folder = write_collection(tmp_path / "alike", documents={id_: f"text {id_}" for id_ in ids})
    assert list(open_collection(str(folder)).documents) == ids


def test_a_number_as_an_id_is_the_text_that_judgements_have(tmp_path):
    folder = write_collection(tmp_path / "numbers", qrels={"7": {"1": 1}})
    (folder / "corpus.jsonl").write_text('{"_id": 1, "text": "one"}\n{"id": "2", "text": "two"}\n')
    (folder / "queries.jsonl").write_text('{"_id": 7, "text": "which", "title": "no part"}\n')
    found = open_collection(str(folder))
    assert (found.documents, found.queries) == ({"1": "one", "2": "two"}, {"7": "which"})
    (folder / "corpus.jsonl").write_text('{"_id": 1, "text": "one"}\n{"_id": "1", "text": "two"}\n')
    with pytest.raises(InputError, match="line 2: _id '1' is there twice, first in line 1"):
        open_collection(str(folder))


def test_a_corpus_and_queries_as_tables(tmp_path):
    from secondpass.evaluation.beir_folder import DOCUMENTS
    from secondpass.ingest.columns import Columns

    (tmp_path / "qrels").write_text("q1 0 1 1\n")
    (tmp_path / "c.csv").write_text("nr;question;answer\n1;Why?;So.\n")
    (tmp_path / "q.csv").write_text("id;text\nq1;why\n")
    found = open_collection(
        str(tmp_path / "qrels"),
        corpus=tmp_path / "c.csv",
        queries=tmp_path / "q.csv",
        columns=Columns(text="answer", title="question", id="nr", usual_ids=DOCUMENTS.usual_ids),
        delimiter=";",
    )
    assert (found.documents, found.queries) == ({"1": "Why? So."}, {"q1": "why"})


def test_a_corpus_needs_ids(tmp_path):
    from secondpass.evaluation.beir_folder import each_text
    from secondpass.ingest.columns import Columns

    (tmp_path / "c.csv").write_text("id,text\n1,one\n")
    with pytest.raises(InputError, match="--id-column is '', but judgements"):
        next(each_text(tmp_path / "c.csv", Columns(id="")))
