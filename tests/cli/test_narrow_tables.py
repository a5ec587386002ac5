"""Tables at any width: every number and rank is whole, and no text is lost."""

import re
import shutil

import pytest
from rich.cells import cell_len

from secondpass.cli import output, terminal
from secondpass.cli.table import middle, table_lines

LONG = "library/very/long/folder/names/that/never/end/chapter-0012.md#0042"
TEXTS = {
    "ascii": "The csv module reads comma separated files row by row, or as dictionaries. " * 3,
    "cjk": "机器学习模型对候选文本重新排序并给出分数" * 6,
    "emoji": "👩‍👩‍👧‍👦 🙂🙂 rank 🏁 " * 8,
    "rtl": "שלום עולם זה טקסט מימין לשמאל " * 6,
}
TABLES = {
    "search": (
        ("rank", "was", "fused", "score", "document", "text"),
        lambda text: [(1, 100, "12.345", "0.987", LONG, text), (10, 2, "-1.250", "0.001", "x", "")],
    ),
    "rerank": (("rank", "was", "score", "text"), lambda text: [(1, 1000, "0.987", text)]),
    "eval": (
        ("measure", "first stage", "reranked", "difference [95 % interval]", "p"),
        lambda text: [("nDCG@10", "0.5058", "0.6668", "+0.1610 [+0.1201, +0.2019]", "0.0001")],
    ),
    "bench": (
        ("stage", "P50 ms", "P95 ms", "P99 ms", "mean ms"),
        lambda text: [(text[:30], "12.3 [11.9, 12.8]", "123.4 [101.0, 155.5]", "–", "45.6")],
    ),
    "models": (
        ("model", "kind", "precision", "MB", "sha256"),
        lambda text: [(LONG, "hub", "fp32", "1234.5", "09f21789a21d2cbf")],
    ),
    "doctor": (("verdict", "check", "measured  (limit)"), lambda text: [("failed", "a b", text)]),
    "verify": (
        ("", "verdict", "what", "recorded → here"),
        lambda text: [("*", "within tolerance", text[:40], "0.12345 → 0.12346")],
    ),
    "plan": (
        ("candidates", "P50 predicted", "measured", "error", "P95 predicted", "measured", "error"),
        lambda text: [("1000", "1234.5", "1230.1", "0.4%", "2345.6", "2300.0", "2.0%")],
    ),
}


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120])
@pytest.mark.parametrize("script", TEXTS)
@pytest.mark.parametrize("name", TABLES)
def test_numbers_are_whole_and_lines_fit(name, script, width, capsys, monkeypatch):
    columns, rows = TABLES[name]
    rows = rows(TEXTS[script])
    monkeypatch.setenv("COLUMNS", str(width))
    output.print_table(columns, rows)
    lines = capsys.readouterr().out.splitlines()
    shown = re.findall(r"[^\s\[\](),]+", "\n".join(lines))
    for row in rows:
        for cell in row:
            for number in re.findall(r"^[+-]?\d[\d.]*%?$", str(cell)):
                assert number in shown
            if name == "eval":
                assert all(part.strip("[],") in shown for part in str(cell).split())
    for line in lines:
        assert line == line.rstrip()
        assert cell_len(line) <= width or width == 20
    if script in ("ascii", "cjk") and name != "verify":
        # Text wraps, and none of it is lost.
        squeezed = re.sub(r"\s", "", "".join(lines))
        wanted = [re.sub(r"\s", "", str(row[-1])) for row in rows]
        if name in ("rerank", "doctor"):
            assert all(one in squeezed for one in wanted)


def test_a_table_that_fits_is_a_grid_with_numbers_to_the_right():
    rows = [("a", "1", "x y"), ("bb", "10", "z")]
    assert table_lines(("id", "n", "text"), rows, 80) == [
        "id   n  text",
        "a    1  x y",
        "bb  10  z",
    ]


def test_text_goes_below_where_there_is_no_room_beside_the_numbers():
    rows = [("1", LONG, "one two three")]
    lines = table_lines(("rank", "document", "text"), rows, 40)
    assert lines[0].split()[0] == "rank"
    squeezed = "".join("".join(lines[1:]).split())
    assert LONG in squeezed
    assert "onetwothree" in squeezed


def test_into_a_pipe_nothing_is_wrapped(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    output.print_table(("id", "text"), [("a", "x " * 300)])
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_the_width_of_a_terminal_is_its_own(monkeypatch):
    monkeypatch.setattr(terminal, "is_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "0")
    assert terminal.width() == max(20, shutil.get_terminal_size().columns)


@pytest.mark.parametrize("width", [3, 10, 23, 47])
@pytest.mark.parametrize("name", [LONG, "模型" * 40, "short", "a" * 24])
def test_a_name_loses_its_middle_and_keeps_both_ends(name, width):
    shown = middle(name, width)
    assert cell_len(shown) <= width
    if cell_len(name) <= width:
        assert shown == name
    else:
        head, tail = shown.split("…")
        assert name.startswith(head)
        assert name.endswith(tail)
