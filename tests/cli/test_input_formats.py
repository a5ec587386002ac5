"""Candidates and files in the formats that people have them in, on the command."""

import io
import json
import sys

import pytest

from secondpass import InputError
from secondpass.cli.candidates import read_candidates
from secondpass.cli.main import main


@pytest.fixture
def read(tmp_path):
    def read(content, name="candidates", **options):
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_candidates(str(file), **options)

    return read


def texts(*values):
    return [{"text": value} for value in values]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a\nb\n", texts("a", "b")),
        ("a\r\n\r\n b \r\n", texts("a", " b ")),
        ("a\rb", texts("a", "b")),
        ("12\n[1] see below\n", texts("12", "[1] see below")),
        ("true\n", texts("true")),
        ("a\u2028b\n", texts("a\u2028b")),
        ("wool\n".encode("utf-16"), texts("wool")),
        ("", []),
        ("\n\n", []),
        ('"a"\n{"text": "b"}\n', texts("a", "b")),
        ('\n["a", {"text": "b"}]', texts("a", "b")),
        ('{"text": "a"}\r{"text": "b"}\r', texts("a", "b")),
    ],
)
def test_the_first_line_decides(read, content, expected):
    assert read(content) == expected


@pytest.mark.parametrize("line", ['{"text": "a"}', "[1] see below", '"so" she said', "{x}"])
def test_plain_is_plain(read, line):
    assert read(line + "\nb\n", plain=True) == texts(line, "b")


@pytest.mark.parametrize("line", ["[1] see below", '"so" she said', "{x}"])
def test_plain_text_that_begins_as_json_is_told_of_plain(read, line):
    with pytest.raises(InputError, match="for lines of plain text pass --plain"):
        read(line)


def test_tables_of_candidates(read):
    assert read("id,text\n1,a\n", "a.csv") == [{"id": "1", "text": "a"}]
    assert read("id;text\n1;a\n", "a.csv", delimiter=";") == [{"id": "1", "text": "a"}]
    assert read("id\ttext\n1\ta\n", "a.tsv") == [{"id": "1", "text": "a"}]
    assert read("id,text\n", "a.csv", plain=True) == texts("id,text")


def test_plain_lines_are_piped_into_rerank(monkeypatch, capsys):
    lines = b"Bananas are yellow.\nThe csv module reads comma separated files.\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines)))
    main(["rerank", "how do I read a csv file"])
    found = [json.loads(line)["text"] for line in capsys.readouterr().out.splitlines()]
    assert found == ["The csv module reads comma separated files.", "Bananas are yellow."]


def test_a_closed_standard_input_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(SystemExit) as ended:
        main(["rerank", "q"])
    assert ended.value.code == 2
    assert "is a terminal or closed" in capsys.readouterr().err


def test_a_text_column_of_candidates(tmp_path, capsys):
    file = tmp_path / "faq.jsonl"
    file.write_text('{"question": "Why?", "answer": "So."}\n')
    with pytest.raises(SystemExit):
        main(["rerank", "q", str(file)])
    said = capsys.readouterr().err
    assert f"{file} line 1 has neither 'text' nor 'content'" in said
    assert "name the column of the text: --text-column answer" in said
    main(["rerank", "q", str(file), "--text-column", "answer"])
    row = json.loads(capsys.readouterr().out)
    assert (row["question"], row["answer"]) == ("Why?", "So.")


@pytest.mark.parametrize(
    ("name", "content", "options", "expected"),
    [
        ("a.csv", "question,answer\nq,a\n", (), "a.csv line 2 has neither 'text' nor 'content'"),
        ("a.csv", "title,Body\nq,a\n", (), "--text-column Body"),
        ("a.csv", "x,y\nq,a\n", (), "--text-column COLUMN"),
        ("a.jsonl", '\n{"text": "a"}\n\n{"text": null}', (), "line 4: 'text' is null, expected"),
        ("a.jsonl", '{"text": true}', (), "line 1: 'text' is the boolean true, expected a string"),
        ("a.jsonl", '{"text": "a"}\nnull', (), "line 2 is null, expected an object"),
        ("a.json", '["a", {"text": 3}]', (), "item 2: 'text' is the number 3, expected a string"),
        (
            *("a.jsonl", '{"text": "a", "score": 1}\n{"text": "b", "score": null}'),
            *(("--fuse", "weighted"), "line 2: 'score' is null, expected a finite number"),
        ),
    ],
)
def test_an_error_of_a_candidate_names_its_line(tmp_path, capsys, name, content, options, expected):
    file = tmp_path / name
    file.write_text(content)
    with pytest.raises(SystemExit):
        main(["rerank", "q", str(file), *options])
    assert expected in capsys.readouterr().err


def test_a_text_column_of_candidates_that_are_skipped(tmp_path, capsys):
    file = tmp_path / "faq.jsonl"
    file.write_text('{"text": "no", "answer": "So."}\n{"text": "a"}\n{"answer": 5}\n')
    main(["rerank", "q", str(file), "--text-column", "answer", "--on-error", "skip"])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row.get("error") for row in rows] == [
        None,
        "candidate 1 has no 'answer', only ['text']",
        "candidate 2: 'answer' is int 5, expected a string",
    ]
    assert rows[0]["text"] == "no"


def run(capsys, *arguments):
    """Return the exit status, and what went to standard output and standard error."""
    status = 0
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as ended:
        status = ended.code
    return status, *capsys.readouterr()


def test_index_names_a_bad_file_and_goes_on(tmp_path, capsys):
    pytest.importorskip("lancedb")
    files, folder = tmp_path / "files", tmp_path / "index"
    files.mkdir()
    (files / "a.txt").write_text("Sheep give wool.")
    (files / "b.txt").write_bytes(b"caf\xe9")
    status, out, err = run(capsys, "index", files, "--into", folder)
    assert status == 1
    assert "1 added, 0 unchanged, 0 removed; 1 document from 1 file" in out
    assert f"left out: {files}/b.txt is not UTF-8" in err
    status, out, err = run(capsys, "index", files, "--into", folder)
    assert (status, "0 added, 1 unchanged" in out, "left out" in err) == (1, True, True)
    (files / "b.txt").write_text("Cows give milk.")
    status, out, err = run(capsys, "index", files, "--into", folder)
    assert (status, "2 documents from 2 files" in out, "left out" in err) == (0, True, False)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"caf\xe9", "a.txt is not UTF-8"),
        ("a.txt", b"  \n", "there is no document in"),
        ("a.png", b"\x89PNG", "there is no document in"),
        ("a.csv", b"question,answer\nWhy?,So.\n", "--title-column question --text-column answer"),
    ],
)
def test_no_index_is_made_of_nothing(tmp_path, capsys, name, content, message):
    pytest.importorskip("lancedb")
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / name).write_bytes(content)
    status, _, err = run(capsys, "index", tmp_path / "files", "--into", tmp_path / "index")
    assert status == 2
    assert message in err
    assert len([line for line in err.splitlines() if not line.startswith("reading ")]) == 1
    assert not (tmp_path / "index").exists()


def test_a_faq_is_indexed_by_its_columns_and_a_long_row_in_chunks(tmp_path, capsys):
    pytest.importorskip("lancedb")
    file, folder = tmp_path / "faq.csv", tmp_path / "index"
    long = "Sheep give wool. " * 400
    file.write_text(f"question;answer\nHow do I reset it?;Open settings.\nLong?;{long}\n")
    columns = ("--text-column", "answer", "--title-column", "question", "--delimiter", ";")
    status, out, err = run(capsys, "index", file, "--into", folder, *columns)
    assert status == 0
    assert "warning" not in err
    assert int(out.split(": ")[1].split()[0]) > 5
    status, out, _ = run(capsys, "search", "how to reset", "--index", folder, "--top-k", 1)
    found = json.loads(out)
    assert found["text"] == "How do I reset it? Open settings."
    assert found["metadata"]["question"] == "How do I reset it?"
    for again in ((), ("--reread",)):
        status, out, _ = run(capsys, "index", file, "--into", folder, *columns, *again)
        assert (status, ": 0 added" in out, " 0 removed" in out) == (0, True, True)
    status, out, err = run(capsys, "index", file, "--into", folder, *columns[:4])
    assert (status, ": 0 added, 0 unchanged, 0 removed" in out) == (1, True)
    assert "--delimiter ';'" in err
