"""The whole benchmark on two toy collections: values, intervals, resume, pages."""

import re
from dataclasses import replace

import numpy as np
import pytest
from toy_quality import make_plan, run

from benchmarks.pages import between, place
from benchmarks.picture import save
from benchmarks.quality import markdown, picture
from benchmarks.quality.markdown import TABLE, pages
from benchmarks.quality.result import Quality
from secondpass.result_file import read_result

# nDCG of one relevant document at rank 2 and at rank 3: 1 / log2(rank + 1).
SECOND, THIRD = 1 / np.log2(3), 0.5


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quality")
    plan = make_plan(folder)
    return run(plan, folder / "out.json"), folder / "out.json"


def means_of(result):
    return {one.label: one.mean for one in result.means}


def test_each_query_has_its_value(done):
    left, right = done[0].collections
    values = {row.label: row.ndcg for row in left.rows}
    assert values["BM25"] == pytest.approx([SECOND, SECOND])
    assert values["bi-encoder"] == pytest.approx([THIRD, THIRD])
    assert values["fp32"] == values["int8"] == pytest.approx([1.0, 1.0])
    assert {row.label: row.ndcg for row in right.rows}["BM25"] == pytest.approx([1.0, 1.0])
    assert left.query_ids == ("q1", "q2")


def test_the_mean_counts_each_collection_the_same(done):
    assert means_of(done[0]) == pytest.approx(
        {
            "BM25": (SECOND + 1) / 2,
            "bi-encoder": (THIRD + SECOND) / 2,
            "fp32": 1.0,
            "int8": 1.0,
            "int8 + BM25": 1.0,
        }
    )


def test_a_fusion_takes_the_scores_of_its_reranker(done):
    # In "left" q1, of a, b, c: z(0.5, 2, 0) + 0.5 z(3, 2, 1) leaves b first.
    row = next(row for row in done[0].collections[0].rows if row.label == "int8 + BM25")
    assert row.seconds is None
    assert row.ndcg == pytest.approx([1.0, 1.0])


def test_differences_are_paired_and_have_bounds_around_them(done):
    row = next(one for one in done[0].means if one.label == "fp32")
    to_bm25 = next(one for one in row.against if one.label == "BM25")
    assert to_bm25.mean == pytest.approx((1 - SECOND) / 2)
    # Both queries of each collection differ alike: no resample differs from another.
    assert to_bm25.low == pytest.approx(to_bm25.mean)
    assert to_bm25.high == pytest.approx(to_bm25.mean)


def test_the_gate_gives_kendalls_tau(done):
    (gate,) = done[0].gates
    # left q1 (a, b, c): fp32 b c a, int8 b a c: of 3 pairs 2 agree, tau = 1/3; q2 the same.
    assert gate.rows[0].tau_all == pytest.approx(1 / 3)
    # right q1 has a and b in one order (1); q2 b and c, also (1).
    assert gate.rows[1].tau_all == pytest.approx(1.0)


def test_the_json_gives_the_same_result_again(done):
    result, file = done
    again = read_result(file, Quality, "result")
    assert markdown.page(again) == markdown.page(result)
    assert again.means[0].mean == pytest.approx(result.means[0].mean, abs=1e-6)
    assert again.systems == result.systems


def test_a_list_of_numbers_is_one_line(done):
    assert '"ndcg": [0.63093, 0.63093]' in done[1].read_text()


def test_the_table_has_a_row_for_each_collection_and_the_mean(done):
    lines = markdown.table(done[0]).splitlines()
    assert lines[0] == (
        "| nDCG@10, top 100 of BM25 | queries | BM25 | bi-encoder | fp32 | int8 | int8 + BM25 |"
    )
    assert lines[2] == "| left | 2 of 3 | 0.6309 | 0.5000 | 1.0000 | 1.0000 | 1.0000 |"
    assert lines[4].startswith("| **mean** |  | **0.8155** | **0.5655** | **1.0000** |")
    assert "+0.1845 [+0.1845, +0.1845]" in lines[5]
    assert len({line.count("|") for line in lines}) == 1


def test_the_line_says_how_many_queries_it_is_of(done):
    result = done[0]
    assert "mean of 2 collections, 4 of 6 judged queries: BM25 0.815" in markdown.line(result)
    whole = [replace(one, judged_queries=len(one.query_ids)) for one in result.collections]
    assert ", all 4 judged queries: " in markdown.line(replace(result, collections=tuple(whole)))


def test_a_run_cut_off_is_kept_and_goes_on_without_scoring_again(tmp_path, done):
    file = tmp_path / "out.json"
    cut = make_plan(tmp_path, cut_off_at="right")
    partial = run(cut, file)
    assert [one.name for one in partial.collections] == ["left"]
    assert not partial.complete
    assert read_result(file, Quality, "result").missing == ("right",)
    assert "**Incomplete**: not yet measured: right." in markdown.table(partial)

    rest = make_plan(tmp_path)
    result = run(rest, file, resume=True)
    assert [one.scored for one in rest.scorers] == [[], [], ["right"]]
    whole = done[0]
    assert result.complete
    assert replace(result, created="", machine=None) == replace(whole, created="", machine=None)


def test_scores_of_another_model_are_not_used_again(tmp_path):
    run(make_plan(tmp_path), tmp_path / "out.json")
    again = make_plan(tmp_path)
    again.scorers[1].identity = "other weights"
    run(again, tmp_path / "out.json", resume=True)
    assert [one.scored for one in again.scorers] == [[], ["left", "right"], []]


def test_nothing_done_gives_no_result(tmp_path):
    cut = make_plan(tmp_path, cut_off_at="left")
    assert run(cut, tmp_path / "out.json") is None
    assert not (tmp_path / "out.json").exists()


def test_the_table_is_put_between_the_markers_of_a_page(tmp_path, done):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- quality table -->\nold\n<!-- /quality table -->\nafter\n")
    contents = pages(done[0])
    place(page, contents)
    assert between(page.read_text(), TABLE) == contents[TABLE]
    assert page.read_text().startswith("before\n")
    assert page.read_text().endswith("\nafter\n")
    assert "old" not in page.read_text()
    page.write_text("no place")
    with pytest.raises(SystemExit, match="has no place"):
        place(page, contents)


def test_the_picture_shows_each_collection(tmp_path, done):
    pytest.importorskip("matplotlib")
    file = tmp_path / "quality.svg"
    save(picture.draw(done[0]), file)
    text = file.read_text()
    for word in ("left", "right", "mean", "BM25", "bi-encoder", "cross-encoder alone"):
        assert f">{word}<" in text
    # No stand-in color may be left: each became a variable that the style declares.
    assert set(re.findall(r"var\((--[\w-]+)\)", text)) <= set(re.findall(r"(--[\w-]+):", text))
    assert not re.search(r"#0[1-9]0[1-9]0[1-9]", text)


def test_a_picture_is_an_svg(tmp_path, done):
    pytest.importorskip("matplotlib")
    with pytest.raises(SystemExit, match=r"must end in \.svg"):
        save(picture.draw(done[0]), tmp_path / "quality.png")
