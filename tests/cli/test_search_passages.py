"""search: modes, conditions, and the passage below each document with its words marked."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import click
import pytest
from rich.cells import cell_len

from secondpass.cli import terminal
from secondpass.cli.main import main
from secondpass.cli.passages import show_snippet, show_with_passages
from secondpass.cli.search import print_result, result_rows
from secondpass.retrieval.chunk_places import chunk_place
from secondpass.retrieval.snippets import snippet
from secondpass.types import Hit, RetrievedDocument, SearchHit, SearchResult, SearchTimings, Timings

LONG = (
    "Nothing of note is said here, and it goes on for a while without a point. " * 10
    + "A certificate is renewed by the command renew, thirty days before it ends. "
    + "Nothing of note is said here, and it goes on for a while without a point. " * 10
)
RED = re.compile("\x1b\\[31m\x1b\\[1m(.*?)\x1b\\[0m")


@pytest.fixture
def on_a_terminal(monkeypatch):
    monkeypatch.setattr(terminal, "is_terminal", lambda: True)
    monkeypatch.setattr(click.utils, "should_strip_ansi", lambda *_: False)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")


def test_words_are_marked_on_a_terminal_across_lines(on_a_terminal, capsys):
    show_snippet(snippet("renew a certificate", LONG), "    ")
    printed = capsys.readouterr().out
    assert RED.findall(printed) == ["certificate", "renew"]
    plain = re.sub("\x1b\\[\\d+m", "", printed)
    assert all(len(line) <= 60 and line.startswith("    ") for line in plain.splitlines())
    assert "A certificate is renewed by the command renew" in " ".join(plain.split())


@pytest.mark.parametrize("variable", [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_nobody_is_shown_colours_who_asked_for_none(on_a_terminal, monkeypatch, capsys, variable):
    monkeypatch.setenv(*variable)
    show_snippet(snippet("renew a certificate", LONG))
    assert "\x1b" not in capsys.readouterr().out


def test_into_a_pipe_there_are_no_colours(monkeypatch, capsys):
    monkeypatch.delenv("COLUMNS", raising=False)
    show_snippet(snippet("renew a certificate", LONG))
    (line,) = capsys.readouterr().out.splitlines()
    assert line == snippet("renew a certificate", LONG).text


def test_what_steers_a_terminal_is_no_mark_of_ours(on_a_terminal, capsys):
    show_snippet(snippet("renew", "evil \x1b[2J\x07 renew \u202e text"))
    printed = capsys.readouterr().out
    assert RED.findall(printed) == ["renew"]
    assert printed.count("\x1b") == 3
    assert "\u202e" not in printed


@pytest.mark.parametrize("width", [20, 40, 60, 120])
@pytest.mark.parametrize("text", [LONG, "重置密码的方法在设置里。" * 30, "👩‍👩‍👧‍👦 renew " * 30])
def test_passages_fit_at_any_width(monkeypatch, capsys, width, text):
    monkeypatch.setenv("COLUMNS", str(width))
    found = snippet("renew a certificate 重置密码", text)
    rows = [(1, 100, "0.987", "manual/long/name.md#1-2"), (2, 1, "0.1", "b")]
    place = "page 3, Certificates and keys > Renewing one before it ends"
    columns = ("rank", "was", "score", "document")
    show_with_passages(columns, rows, [found, found], [place, ""])
    lines = capsys.readouterr().out.splitlines()
    assert all(cell_len(line) <= width or width == 20 for line in lines)
    squeezed = re.sub(r"\s", "", "".join(lines))
    assert squeezed.count(re.sub(r"\s", "", found.text)) == 2
    assert "0.987" in squeezed
    assert squeezed.count(re.sub(r"\s", "", place)) == 1


@pytest.mark.parametrize(
    ("metadata", "place"),
    [
        ({"page": 3, "heading": "A > B"}, "page 3, A > B"),
        ({"page": 3}, "page 3"),
        ({"page": 3, "last_page": 5, "heading": "A"}, "pages 3-5, A"),
        ({"page": 3, "last_page": 3}, "page 3"),
        ({"page": 3, "last_page": "v"}, "page 3"),
        ({"last_page": 3}, ""),
        ({"heading": "A"}, "A"),
        ({}, ""),
        ({"page": True, "heading": 4}, ""),
        ({"page": "iii", "heading": None}, ""),
        ({"page": 1, "heading": ""}, "page 1"),
    ],
)
def test_where_a_chunk_is_in_words(metadata, place):
    assert chunk_place(metadata) == place


def test_a_place_stands_between_a_hit_and_its_passage(capsys):
    found = RetrievedDocument("d1", LONG, {"page": 7, "heading": "Keys\x1b[2J"}, 0.5)
    hit = SearchHit(found, 1, 1, Hit(0, 0.5, LONG, False))
    shown = SearchResult((hit,), SearchTimings(1.0, Timings(candidates=1), 2.0))
    print_result(shown, "certificate")
    assert capsys.readouterr().out.splitlines()[2] == "    page 7, Keys\ufffd[2J"


def result(**scores):
    document = RetrievedDocument("d1", LONG, {}, **scores)
    hit = SearchHit(document, 1, 1, Hit(0, 0.5, LONG, False))
    return SearchResult((hit,), SearchTimings(1.0, Timings(candidates=1), 2.0))


def test_the_names_of_columns_stand_once_where_ids_are_long(monkeypatch, capsys):
    monkeypatch.setattr("secondpass.cli.terminal.width", lambda: 60)
    rows = [[at, 0.5 + at / 10, f"{'a-long-folder/' * 6}{at}"] for at in range(1, 4)]
    snippets = [snippet("wool", f"Sheep {at} give wool.") for at in range(1, 4)]
    show_with_passages(["rank", "score", "document"], rows, snippets, ["", "", ""])
    out = capsys.readouterr().out
    assert out.count("rank  score  document") == 1
    assert [out.count(f"Sheep {at} give wool.") for at in range(1, 4)] == [1, 1, 1]
    # Where a column is wider, they stand again; a list of names and values says all of each row.
    rows[1][1] = -1234567.5
    show_with_passages(["rank", "score", "document"], rows, snippets, ["", "", ""])
    assert capsys.readouterr().out.count("document") == 3
    monkeypatch.setattr("secondpass.cli.terminal.width", lambda: 20)
    show_with_passages(["rank", "similarity", "score"], [[1, 0.5, 0.5]] * 2, snippets[:2], ["", ""])
    assert capsys.readouterr().out.count("similarity") == 2


def test_json_has_a_declared_column_with_its_type():
    found = result(similarity=0.5)
    (hit,) = found.hits
    fields = {"year": "2020", "price": "", "new": "TRUE", "note": "7"}
    document = replace(hit.document, metadata=fields)
    columns = {"year": "int", "price": "float", "new": "bool", "gone": "str"}
    (row,) = result_rows([replace(hit, document=document)], "certificate", columns=columns)
    assert row["metadata"] == {"year": 2020, "price": None, "new": True, "note": "7"}
    (row,) = result_rows([replace(hit, document=document)], "certificate")
    assert row["metadata"] == fields


def test_a_search_that_finds_nothing_has_no_table(capsys):
    print_result(SearchResult((), SearchTimings(1.0, Timings(candidates=0), 2.0)), "certificate")
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("retrieve")


def test_a_hybrid_search_shows_both_scores(capsys):
    print_result(result(similarity=0.75, bm25=12.5, fused=1.25), "certificate")
    head, row = capsys.readouterr().out.splitlines()[:2]
    assert head.split() == ["rank", "was", "similarity", "bm25", "score", "document"]
    assert row.split() == ["1", "1", "0.750", "12.500", "0.500", "d1"]
    (row,) = result_rows(result(similarity=0.75, bm25=12.5, fused=1.25), "certificate")
    scores = {name: row[name] for name in ("similarity", "bm25", "first_stage_score")}
    assert scores == {"similarity": 0.75, "bm25": 12.5, "first_stage_score": 1.25}
    assert [row["snippet"][start:end] for start, end in row["marks"]] == ["certificate"]


def test_a_search_by_words_has_no_similarity(capsys):
    print_result(result(similarity=None, bm25=12.5), "certificate")
    assert "similarity" not in capsys.readouterr().out
    (row,) = result_rows(result(similarity=None, bm25=12.5), "certificate")
    assert row["bm25"] == 12.5
    assert "similarity" not in row


PAPERS = """id,text,year,lang
a,Sheep give wool in spring.,1987,en
b,Goats give cashmere.,2021,en
c,Schafe geben Wolle.,2022,de
"""


def run(capsys, *arguments):
    main(list(map(str, arguments)))
    return capsys.readouterr()


def found_ids(capsys, folder, *options):
    printed = run(capsys, "search", "sheep wool", "--index", folder, *options)
    return [json.loads(line)["id"] for line in printed.out.splitlines()]


def test_columns_and_modes_from_the_shell(tmp_path, capsys):
    pytest.importorskip("lancedb")
    pytest.importorskip("sqlglot")
    folder, file = tmp_path / "index", tmp_path / "papers.csv"
    file.write_text(PAPERS)
    run(capsys, "index", file, "--into", folder, "--column", "year:int")
    assert found_ids(capsys, folder, "--where", "year > 2021") == ["c"]
    assert found_ids(capsys, folder, "--mode", "bm25") == ["a"]
    assert found_ids(capsys, folder, "--mode", "hybrid", "--top-k", "1") == ["a"]
    for nothing in (["--where", "year > 3000"], ["--mode", "bm25", "--where", "year > 2021"]):
        assert (
            "note: no document of which --where is true"
            in run(capsys, "search", "sheep", "--index", folder, *nothing).err
        )
    # Declared later, of rows that are there; and a row that does not fit is left out by name.
    (tmp_path / "bad.csv").write_text("id,text,year,lang\nd,Llamas,soon,en\n")
    with pytest.raises(SystemExit) as left:
        main(["index", str(tmp_path), "--into", str(folder), "--column", "lang:str"])
    assert left.value.code == 1
    assert "year is 'soon', expected an integer" in capsys.readouterr().err
    assert found_ids(capsys, folder, "--where", "lang = 'de' OR year < 1990") == ["a", "c"]
    for wrong, said in (
        (["--where", "lang = en"], "which is a name: write text in single quotes"),
        (["--where", "place = 'x'"], "--where names 'place', which is not a declared column"),
        (["--mode", "sparse"], "--mode"),
    ):
        with pytest.raises(SystemExit) as left:
            main(["search", "wool", "--index", str(folder), *wrong])
        assert left.value.code == 2
        message = capsys.readouterr().err
        assert said in message
        assert len(message.strip().splitlines()) == 1 or wrong[0] == "--mode"


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (["year"], "--column 'year' is not a name and a type, such as year:int"),
        ([":int"], "--column ':int' is not a name and a type"),
        (["year:date"], "declares 'year' as 'date', expected str, int, float, bool"),
        (["year:int", "year:str"], "--column 'year:str': year is int already"),
    ],
)
def test_columns_that_are_none(tmp_path, capsys, columns, said):
    given = [part for column in columns for part in ("--column", column)]
    with pytest.raises(SystemExit) as left:
        main(["index", str(tmp_path), "--into", str(tmp_path / "index"), *given])
    assert left.value.code == 2
    assert said in capsys.readouterr().err
