"""Rows are checked where they are read: what cannot be scored is a row or a document with why."""

import json
import sqlite3

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from batch_cases import rows, write_rows

from secondpass.batch.rows import BatchDocument, Fields
from secondpass.batch.shards import cut, decode, describe, encode
from secondpass.batch.sources import RowFile, open_run
from secondpass.batch.texts import DiskTexts
from secondpass.errors import InputError
from secondpass.jsonl import Where


def read(file, **fields):
    return list(RowFile(file, Fields(**fields)).rows())


def test_documents_are_strings_or_objects_with_ids(tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_text(
        '{"id": 7, "query": "q", "documents": ["a", {"text": "b", "id": 5}, {"content": "c"}]}\n'
        '{"query": "r", "candidates": []}\n'
    )
    first, second = read(file)
    assert (first.number, first.id, first.query, first.error) == (0, "7", "q", None)
    assert list(first.documents) == [
        BatchDocument("a"),
        BatchDocument("b", "5"),
        BatchDocument("c"),
    ]
    assert (second.number, second.id, list(second.documents)) == (1, "1", [])
    assert [row.id for row in read(file, id="")] == ["0", "1"]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"query": "q", "documents": ["a"]', "line 2 is not valid JSON"),
        ('["q", ["a"]]', "line 2 is the list"),
        ('{"query": "", "documents": ["a"]}', "is empty"),
        ('{"query": 5, "documents": ["a"]}', "query is the number 5, expected a string"),
        ('{"query": null, "documents": ["a"]}', "query is null, expected a string"),
        ('{"query": {"a": 1}, "documents": ["a"]}', 'query is the object {"a": 1}, expected'),
        ('{"documents": ["a"]}', "line 2 has no 'query'"),
        ('{"query": "q"}', "line 2 has no 'documents' or 'candidates'"),
        ('{"query": "q", "documents": "a"}', "documents is the string 'a', expected a list"),
        ('{"query": "q", "documents": {"text": "a"}}', "expected a list"),
        ('{"query": "q", "documents": null}', "expected a list"),
        ('{"id": [1], "query": "q", "documents": ["a"]}', "id is the list [1], expected a string"),
        ('{"query": "a\\ud800", "documents": ["a"]}', "lone surrogate"),
    ],
)
def test_a_bad_line_is_a_row_with_an_error_and_the_others_follow(tmp_path, line, why):
    file = tmp_path / "rows.jsonl"
    good = '{"query": "q", "documents": ["a"]}'
    file.write_text(f"{good}\n{line}\n{good}\n")
    before, bad, after = read(file)
    assert (before.error, after.error, after.number) == (None, None, 2)
    assert why in bad.error
    assert str(tmp_path) not in bad.error
    assert list(bad.documents) == []


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ("5", "document 1 is the number 5"),
        ('{"id": "d1"}', "document 1 has neither 'text' nor 'content', only ['id']"),
        ('{"id": "d1", "text": null}', "document 1: 'text' is null, expected a string"),
        ('{"id": "d1", "text": ["a"]}', "document 1: 'text' is the list [\"a\"], expected"),
        ('{"id": "d1", "content": true}', "document 1: 'content' is the boolean true, expected"),
        ('{"id": {}, "text": "a"}', "document 1: id is the object"),
        ("null", "document 1 is"),
    ],
)
def test_a_bad_document_is_one_with_an_error(tmp_path, document, why):
    file = tmp_path / "rows.jsonl"
    file.write_text(f'{{"query": "q", "documents": ["a", {document}, "c"]}}')
    (row,) = read(file)
    assert row.error is None
    assert [one.error is None for one in row.documents] == [True, False, True]
    assert why in row.documents[1].error


def test_a_score_is_needed_only_where_it_is_asked_for(tmp_path):
    file = write_rows(tmp_path / "rows.jsonl", rows(1))
    (without,) = read(file)
    (scored,) = read(file, scored=True)
    (misnamed,) = read(file, scored=True, score="bm25")
    assert [one.score for one in without.documents] == [None] * len(without.documents)
    assert scored.documents[0].score == 0.0
    assert all("'bm25'" in one.error for one in misnamed.documents)


def test_parquet_rows_are_those_of_json_lines(tmp_path):
    given = rows(150)
    lines = read(write_rows(tmp_path / "rows.jsonl", given))
    pq.write_table(pa.Table.from_pylist(given), tmp_path / "rows.parquet")
    assert read(tmp_path / "rows.parquet") == lines


FAR = pa.array([10**7, 2], pa.date32())
UNREADABLE = {
    "a year after 9999": FAR,
    "a duration of ages": pa.array([2**62, 2], pa.duration("s")),
    "a time zone of nowhere": pa.array([1, 2], pa.timestamp("us", tz="Mars/Base")),
    "bytes that are not UTF-8": pa.array([b"\xff", b"b"]).cast(pa.string(), safe=False),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_column_that_no_row_needs_is_not_read(tmp_path, name):
    given = [{"id": str(at), "query": "q", "documents": ["a"]} for at in range(2)]
    table = pa.Table.from_pylist(given).append_column("more", UNREADABLE[name])
    pq.write_table(table, tmp_path / "rows.parquet")
    found = read(tmp_path / "rows.parquet")
    assert [(one.id, one.query, one.error) for one in found] == [("0", "q", None), ("1", "q", None)]


def test_a_parquet_row_that_python_cannot_hold_is_one_with_an_error(tmp_path):
    documents = pa.StructArray.from_arrays([pa.array(["a", "b"]), FAR], ["text", "at"])
    lists = pa.ListArray.from_arrays([0, 1, 2], documents)
    table = pa.table({"query": ["q", "r"], "documents": lists})
    pq.write_table(table, tmp_path / "rows.parquet")
    bad, good = read(tmp_path / "rows.parquet")
    assert (bad.number, bad.error) == (0, "row 1 cannot be read: date value out of range")
    assert (good.number, good.error, list(good.documents)) == (1, None, [BatchDocument("b")])


def test_an_error_names_all_columns_of_a_table_that_lacks_one(tmp_path):
    table = pa.table({"question": ["q"], "documents": [["a"]], "more": [1]})
    pq.write_table(table, tmp_path / "rows.parquet")
    (row,) = read(tmp_path / "rows.parquet")
    assert row.error == "row 1 has no 'query', only ['documents', 'more', 'question']"


@pytest.mark.parametrize("name", ["rows.csv", "rows.txt", "rows.tsv", "rows"])
def test_a_table_without_lists_is_refused_by_its_name(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(InputError, match=r"none of \.jsonl"):
        RowFile(tmp_path / name, Fields())


def test_shards_have_at_most_so_many_pairs_and_names_of_their_content(tmp_path):
    read_ = read(write_rows(tmp_path / "rows.jsonl", rows(60)))
    blocks = list(cut(read_, 20))
    assert [row for block in blocks for row in block] == read_
    for block in blocks:
        assert sum(len(row.documents) for row in block) <= 20 or len(block) == 1
    shards = [describe(block, at, b"key") for at, block in enumerate(blocks)]
    assert shards == [describe(block, at, b"key") for at, block in enumerate(blocks)]
    others = {describe(block, at, b"other").name for at, block in enumerate(blocks)}
    assert not others & {shard.name for shard in shards}
    assert blocks[1][0].number == shards[1].first
    assert decode(encode(blocks[0])) == blocks[0]


def test_a_long_row_is_a_shard_of_its_own(tmp_path):
    given = [{"query": "q", "documents": ["a"] * count} for count in (1, 50, 1, 1)]
    blocks = list(cut(read(write_rows(tmp_path / "rows.jsonl", given)), 10))
    assert [[len(row.documents) for row in block] for block in blocks] == [[1], [50], [1, 1]]


@pytest.fixture
def run_files(tmp_path):
    (tmp_path / "queries.jsonl").write_text(
        '{"_id": "q1", "text": "one"}\n{"_id": "q2", "text": "two"}\n'
    )
    (tmp_path / "corpus.jsonl").write_text(
        "".join(
            json.dumps({"_id": f"d{at}", "title": "t", "text": f"text {at}"}) + "\n"
            for at in range(5)
        )
    )
    (tmp_path / "run.trec").write_text(
        "q2 Q0 d0 1 1.0 x\nq2 Q0 d3 2 2.0 x\nq2 Q0 gone 3 0.5 x\nq9 Q0 d1 1 1 x\nq1 Q0 d1 1 1 x\n"
    )
    return tmp_path


def of_run(folder, **more):
    files = (folder / "run.trec", folder / "queries.jsonl", folder / "corpus.jsonl")
    with open_run(*files, **more) as source:
        return list(source.rows())


def test_a_run_gives_a_row_a_query_in_its_order(run_files):
    second, unknown, first = of_run(run_files)
    assert (second.id, second.query, first.id) == ("q2", "two", "q1")
    best, next_, gone = second.documents
    assert (best.id, best.text, best.score) == ("d3", "t text 3", 2.0)
    assert next_.id == "d0"
    assert (gone.id, gone.error) == ("gone", "document 'gone' is not in the corpus")
    assert unknown.error == "line 4: query 'q9' is not among the queries"


def test_a_run_is_cut_to_its_depth(run_files):
    assert [len(row.documents) for row in of_run(run_files, depth=1)] == [1, 0, 1]


def test_a_run_whose_lines_are_mixed_is_refused(run_files):
    with (run_files / "run.trec").open("a") as stream:
        stream.write("q2 Q0 d1 4 0.1 x\n")
    with pytest.raises(InputError, match="line 6: query 'q2' comes again, first in line 1"):
        of_run(run_files)


def test_a_text_that_comes_twice_is_refused(run_files):
    with (run_files / "corpus.jsonl").open("a") as stream:
        stream.write('{"_id": "d2", "text": "again"}\n')
    with pytest.raises(InputError, match="line 6: _id 'd2' is there twice, first in line 3"):
        of_run(run_files)


def test_a_full_temporary_folder_is_told_with_the_way_out(tmp_path):
    texts = ((Where("corpus", at), str(at), "a" * 1000) for at in range(100))
    connect = sqlite3.connect

    def small(*args, **named):
        database = connect(*args, **named)
        database.execute("PRAGMA max_page_count = 10")
        return database

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", small)
        with pytest.raises(InputError, match=rf"{tmp_path}: database or disk is full; .* TMPDIR"):
            DiskTexts(tmp_path / "texts", texts)


def test_a_file_that_is_not_there_is_named_by_its_option(run_files):
    (run_files / "queries.jsonl").unlink()
    with pytest.raises(InputError, match=r"queries\.jsonl, which --queries names"):
        of_run(run_files)
