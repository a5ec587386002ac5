"""The quality tables of the pages are those of the newest kept result."""

from pathlib import Path

import pytest

from benchmarks.pages import between
from benchmarks.quality import markdown
from benchmarks.quality.markdown import LINE, PAGE, TABLE
from benchmarks.quality.result import Quality
from benchmarks.quality.task import COLLECTIONS
from secondpass.result_file import read_result

ROOT = Path(__file__).parent.parent.parent
RESULTS = sorted((ROOT / "benchmarks" / "quality" / "results").glob("*.json"))
CARD = ROOT / "src" / "secondpass" / "models" / "embedded" / "cross-encoder" / "CARD.md"


@pytest.fixture(scope="module")
def result():
    if not RESULTS:
        pytest.skip("no result of make quality is kept in benchmarks/quality/results yet")
    return read_result(RESULTS[-1], Quality, "result")


def test_the_pages_show_the_newest_result(result):
    shown = markdown.pages(result)
    pages = [ROOT / "docs" / "results" / "quality.md", ROOT / "README.md", CARD]
    found = {
        (file.name, marker): content
        for file in pages
        for marker in (PAGE, TABLE, LINE)
        if (content := between(file.read_text(encoding="utf-8"), marker)) is not None
    }
    assert {("quality.md", PAGE), ("README.md", LINE)} <= set(found)
    # pytest would take minutes to print the difference of two long texts.
    stale = [name for (name, marker), content in found.items() if content != shown[marker]]
    assert stale == [], "these do not show the newest result: make quality-pages"


def test_the_newest_result_is_whole_and_of_the_shipped_model(result):
    from secondpass import CrossEncoderReranker

    assert result.complete
    assert {one.name for one in result.collections} == set(COLLECTIONS)
    shipped = next(one for one in result.systems if one.label == "int8")
    assert shipped.model.weights_sha256 == CrossEncoderReranker().info.weights_sha256
