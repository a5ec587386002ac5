"""Tables as people have them, their columns by any name, and how a bad row is named."""

import csv
import gzip
from datetime import date
from decimal import Decimal

import pytest

from secondpass import InputError
from secondpass.ingest.columns import Columns
from secondpass.ingest.tables import checked_delimiter, read_rows


def rows(file, delimiter=None):
    return [(str(where).removeprefix(f"{file} "), row) for where, row in read_rows(file, delimiter)]


@pytest.fixture
def write(tmp_path):
    def write(name, content):
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return write


FAQ = [("line 2", {"q": "one, two", "a": "x"}), ("line 3", {"q": "ü", "a": ""})]


@pytest.mark.parametrize(
    ("name", "content", "delimiter"),
    [
        ("a.csv", 'q,a\n"one, two",x\nü,\n', None),
        ("a.csv", '\ufeffq,a\r\n"one, two",x\r\nü,\r\n', None),
        ("a.csv", 'q, a \r"one, two",x\rü,\r', None),
        ("a.CSV", 'q;a\n"one, two";x\nü;\n', ";"),
        ("a.csv", "q|a\none, two|x\nü|\n", "|"),
        ("a.tsv", "q\ta\none, two\tx\nü\t\n", None),
        ("a.tab", "q\ta\none, two\tx\nü\t\n", None),
        ("a.csv", "q\ta\none, two\tx\nü\t\n".encode("utf-16"), "\t"),
        ("a.csv.gz", gzip.compress('q,a\n"one, two",x\nü,\n'.encode()), None),
    ],
)
def test_csv_of_every_dialect(write, name, content, delimiter):
    assert rows(write(name, content), delimiter) == FAQ


def test_a_large_cell_is_read_and_the_limit_of_the_process_stays(write):
    before = csv.field_size_limit()
    file = write("a.csv", "id,text\n1," + "x" * 1_000_000 + "\n2,y\n")
    assert [len(row["text"]) for _, row in rows(file)] == [1_000_000, 1]
    assert csv.field_size_limit() == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,text\n1,a\n2\n", "line 3 has 1 cells, the header 2"),
        ("id,text\n1,a,b\n", "line 2 has 3 cells, the header 2"),
        ('id,text\n1,a\n2,"open\n3,b\n', "line 3 .*a quote that is opened .* never closed"),
        ('id,text\n1,"a"b\n', "line 2 is not valid CSV"),
        ("text,text\n1,a\n", "line 1: two columns have the same name"),
        ("id;text\n1;a\n", "line 1 has one column, 'id;text': .* --delimiter ';'"),
        ("id\ttext\n1\ta\n", "--delimiter tab"),
        ("\n\nid;text\n1;a\n", "line 3 has one column"),
    ],
)
def test_a_bad_row_is_named_by_its_line(write, content, message):
    with pytest.raises(InputError, match=message):
        rows(write("a.csv", content))


def test_one_column_is_a_table(write):
    assert rows(write("a.csv", "text\na\n")) == [("line 2", {"text": "a"})]
    assert rows(write("a.csv", "")) == rows(write("a.csv", "\n\n")) == []


@pytest.mark.parametrize("given", ["", ";;", '"', "\n", "\0", "\x1b"])
def test_what_cannot_part_cells(given):
    with pytest.raises(InputError, match="--delimiter"):
        checked_delimiter(given)


def test_delimiters():
    assert [checked_delimiter(one) for one in (None, ";", "tab", "\\t", "\t")] == [
        None,
        ";",
        "\t",
        "\t",
        "\t",
    ]


def test_parquet(write, tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    file = tmp_path / "a.parquet"
    table = {"id": [7, 8], "body": ["x", "ü"], "on": [date(2026, 1, 2), None]}
    pq.write_table(pa.table({**table, "price": [Decimal("1.50"), None]}), file)
    assert rows(file) == [
        ("row 1", {"id": 7, "body": "x", "on": "2026-01-02", "price": "1.50"}),
        ("row 2", {"id": 8, "body": "ü", "on": None, "price": None}),
    ]
    data = file.read_bytes()
    for damaged in (b"", b"PAR1", b"no parquet", data[:-8], data[: len(data) // 2] + b"PAR1"):
        with pytest.raises(InputError, match="cannot be read as Parquet"):
            rows(write("b.parquet", damaged))


# --- columns


def parts(row, **names):
    return tuple(Columns(**names).parts(row, "FILE line 2"))


@pytest.mark.parametrize(
    ("row", "names", "expected"),
    [
        ({"text": "x"}, {}, (None, "x", {})),
        ({"content": " x "}, {}, (None, "x", {})),
        ({"id": 1, "title": "T", "text": "x"}, {}, ("1", "T x", {"title": "T"})),
        ({"_id": "a", "title": "", "text": "x"}, {}, ("a", "x", {"title": ""})),
        ({"title": "T", "text": ""}, {}, (None, "T", {"title": "T"})),
        ({"title": None, "text": "x"}, {}, (None, "x", {"title": None})),
        ({"title": 2024, "text": "x"}, {}, (None, "2024 x", {"title": 2024})),
        ({"title": "T", "text": "x"}, {"title": ""}, (None, "x", {"title": "T"})),
        ({"title": "T"}, {"text": "title"}, (None, "T", {})),
        ({"q": "Q", "a": "A"}, {"text": "a", "title": "q"}, (None, "Q A", {"q": "Q"})),
        ({"n": "7", "text": "x", "id": "y"}, {"id": "n"}, ("7", "x", {"id": "y"})),
        ({"text": "x", "id": "y"}, {"id": ""}, (None, "x", {"id": "y"})),
        ({"text": "x", "_id": ["y"]}, {"id": ""}, (None, "x", {"_id": ["y"]})),
        ({"text": "x"}, {"id": ""}, (None, "x", {})),
    ],
)
def test_which_columns_are_read(row, names, expected):
    assert parts(row, **names) == expected


@pytest.mark.parametrize(
    ("row", "names", "message"),
    [
        ({"question": "Q", "answer": "A"}, {}, "--title-column question --text-column answer"),
        ({"Question": "Q", "Answer": "A"}, {}, "--title-column Question --text-column Answer"),
        ({"id": "1", "page_content": "A"}, {}, "--text-column page_content"),
        ({"x": "A"}, {}, r"neither 'text' nor 'content', only \['x'\]; .* --text-column COLUMN"),
        ({"x": "A"}, {"text": "y"}, r"has no 'y', which --text-column names, only \['x'\]"),
        ({"text": "A"}, {"title": "y"}, "which --title-column names"),
        ({"text": "A"}, {"id": "y"}, "which --id-column names"),
        ({"text": None}, {}, "text is null, expected a string"),
        ({"text": 5}, {}, "text is the number 5"),
        ({"text": "a", "title": ["b"]}, {}, "title is the list"),
        ({"text": "a", "id": ""}, {}, "id is empty"),
        ({"text": "a", "id": True}, {}, "id is the boolean"),
        ({"text": "a", "id": 1.0}, {}, "id is the number"),
        ({"k" * 10**7: "a"}, {}, "FILE line 2 has neither"),
        ({}, {"text": "t" * 10**6}, "FILE line 2 has no"),
    ],
)
def test_a_row_without_them_is_told_what_it_has(row, names, message):
    with pytest.raises(InputError, match=message) as raised:
        parts(row, **names)
    assert len(str(raised.value)) < 300


def test_a_column_is_asked_for_once():
    with pytest.raises(InputError, match="name one column twice"):
        Columns(text="a", title="a")
