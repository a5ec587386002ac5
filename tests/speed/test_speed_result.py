from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.pages import between
from benchmarks.run import write
from benchmarks.speed.markdown import number, page, pages, short, table
from benchmarks.speed.result import Ratio, Result, Row, times_faster
from benchmarks.speed.run import agreement
from secondpass.environment.machine import Machine
from secondpass.environment.software import Software
from secondpass.errors import InputError
from secondpass.result_file import read_result

ROOT = Path(__file__).parent.parent.parent
TORCH = Row("sentence_transformers_best", "torch", "batch 2", (1000.0, 3000.0, 1200.0), 1.0, None)
INT8 = Row("secondpass_int8", "int8", "", (500.0, 1000.0, 200.0), 0.99, None)
CACHE = Row("secondpass_cache", "cached", "", (0.5, 0.4, 0.4), 0.99, None)
FAST = Row("secondpass_fast", "fast", "", (100.0, 100.0, 100.0), None, "untrained heads")


def result(*rows):
    return Result(
        created="2026-11-25T01:00:00+00:00",
        command="python -m benchmarks.speed --out x.json",
        machine=Machine("Some", ("avx2",), 2, 2, 1, 1, "Linux", "x86_64"),
        software=Software("3.11", "CPython"),
        model="minilm",
        weights_sha256="0123456789abcdef0123",
        depth=100,
        seed=7,
        tokens_mean=253.4,
        rows=rows,
    )


def test_ratios_are_taken_round_by_round():
    # 1000 / 500, 3000 / 1000, 1200 / 200; the ratio of the medians would be 2.4.
    assert times_faster(TORCH, INT8) == Ratio(3.0, 2.0, 6.0)


def test_a_row_tells_its_time_and_agreement_or_why_there_is_none():
    lines = table(result(TORCH, INT8, CACHE, FAST)).splitlines()
    assert lines[2] == (
        "| torch (batch 2) | 1,200 | 1,000 to 3,000 | 1.00 (1.00 to 1.00) | 1.0000 |"
    )
    assert lines[3] == "| int8 | 500 | 200 to 1,000 | 3.00 (2.00 to 6.00) | 0.9900 |"
    assert lines[4].startswith("| cached | 0.400 | 0.400 to 0.500 | 3,000 (2,000 to 7,500) |")
    assert lines[5].endswith("| 12.0 (10.0 to 30.0) | – (untrained heads) |")


def test_the_page_says_what_was_timed_and_how_far_ahead_int8_is():
    shown = page(result(TORCH, INT8))
    assert "3 interleaved rounds, weights minilm (sha256 0123456789abcdef)" in shown
    assert "253 tokens" in shown
    assert "int8 is 3.00 (2.00 to 6.00) times as fast as sentence-transformers' torch" in shown
    assert "OpenVINO" not in shown
    assert "int8 is" not in page(result(TORCH))
    assert "untrained" not in shown
    assert "with heads that nobody trained, so their order means nothing" in page(
        result(INT8, FAST)
    )


def test_agreement_is_the_mean_over_the_lists():
    # The second list is turned around: (1 - 1) / 2.
    assert agreement([[1, 2, 3], [1, 2, 3]], [[10, 20, 30], [3, 2, 1]]) == pytest.approx(0)


@pytest.mark.parametrize(
    ("value", "shown"), [(7068.85, "7,069"), (15.26, "15.3"), (1.5, "1.50"), (0.41, "0.410")]
)
def test_numbers_keep_three_digits_that_count(value, shown):
    assert number(value) == shown


def test_a_result_comes_back_from_its_file(tmp_path):
    written = result(TORCH, FAST)
    write(written, tmp_path / "new" / "one.json")
    assert read_result(tmp_path / "new" / "one.json", Result, "result") == written
    (tmp_path / "old.json").write_text('{"rows": []}')
    with pytest.raises(InputError, match="has no `created`"):
        read_result(tmp_path / "old.json", Result, "result")


def test_the_short_table_has_the_rows_that_were_measured():
    default = replace(TORCH, name="sentence_transformers_default")
    lines = short(result(default, INT8, FAST)).splitlines()
    assert lines[2:4] == [
        "| sentence-transformers, default settings | 1,200 | 1.00 |",
        "| **secondpass, int8**, same weights | 500 | 3.00 |",
    ]
    assert lines[5].startswith("One query, 100 candidates of 253 tokens on average, 2 cores")


@pytest.fixture(scope="module")
def newest():
    file = max((ROOT / "benchmarks" / "speed" / "results").glob("*.json"))
    return read_result(file, Result, "result")


def test_the_pages_show_the_newest_result(newest):
    files = [ROOT / "README.md", ROOT / "docs" / "results" / "speed.md"]
    texts = [file.read_text(encoding="utf-8") for file in files]
    # pytest would take long to print the difference of two long texts.
    stale = [
        marker
        for marker, content in pages(newest).items()
        if content not in [between(text, marker) for text in texts]
    ]
    assert stale == [], "make speed-pages"


def test_the_readme_opens_with_the_ratios_of_the_newest_result(newest):
    torch, openvino = (
        times_faster(newest.row(name), newest.row("secondpass_int8")).median
        for name in ("sentence_transformers_best", "sentence_transformers_openvino_int8")
    )
    words = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert f"{torch:.0f} times as fast as its torch at float32" in words
    assert f"{openvino:.1f} times as fast as sentence-transformers' OpenVINO int8" in words
