"""--fuse and --min-score as they are called."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "evaluation"))
from small_collection import write_collection, write_trec

CANDIDATES = [
    {"text": "Bananas are yellow and grow in bunches.", "bm25": 9.5},
    {"text": "The csv module reads comma separated files row by row.", "bm25": 8},
    {"text": "A queue.", "bm25": 0.5},
]
QUERY = "how do I read a csv file"


def secondpass(*arguments, stdin=None):
    return subprocess.run(
        [sys.executable, "-m", "secondpass", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        env=os.environ | {"COLUMNS": "120"},
    )


def rerank(*options, candidates=CANDIDATES):
    lines = "\n".join(map(json.dumps, candidates))
    done = secondpass("rerank", QUERY, *options, stdin=lines)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_rerank_weighted_reads_the_named_field_and_prints_both_scores():
    options = ("--fuse", "weighted", "--fuse-weight", 1000, "--first-stage-score", "bm25")
    found, _ = rerank(*options)
    assert [one["bm25"] for one in found] == [9.5, 8, 0.5]
    plain, _ = rerank()
    assert plain[0]["bm25"] == 8
    assert all("fused_score" not in one for one in plain)
    own = {one["bm25"]: one["cross_encoder_score"] for one in plain}
    assert all(one["cross_encoder_score"] == own[one["bm25"]] for one in found)
    assert [one["fused_score"] for one in found] == sorted(
        (one["fused_score"] for one in found), reverse=True
    )


def test_rerank_rrf_needs_no_score():
    found, _ = rerank("--fuse", "rrf", candidates=[{"text": one["text"]} for one in CANDIDATES])
    # The second candidate is first by the model; whoever is first of both sums to 2/61 at most.
    assert found[0]["fused_score"] <= 2 / 61
    assert {one["text"] for one in found} == {one["text"] for one in CANDIDATES}


def test_min_score_drops_and_says_how_many():
    plain, note = rerank()
    assert note == ""
    limit = plain[1]["cross_encoder_score"]
    found, note = rerank("--min-score", repr(limit))
    assert found == plain[:2]
    begin, end = "note: 1 of 3 score below --min-score ", ": dropped"
    assert note.strip().startswith(begin)
    assert note.strip().endswith(end)
    assert float(note.strip()[len(begin) : -len(end)]) == pytest.approx(limit)


def test_search_fuses_and_drops(tmp_path):
    pytest.importorskip("lancedb")
    (tmp_path / "a.md").write_text("# Files\n\nThe csv module reads comma separated files.\n")
    (tmp_path / "b.txt").write_text("Bananas are yellow.")
    made = secondpass("index", tmp_path / "a.md", tmp_path / "b.txt", "--into", tmp_path / "index")
    assert made.returncode == 0, made.stderr
    search = ("search", QUERY, "--index", tmp_path / "index")
    options = ("--fuse", "weighted", "--fuse-weight", 50, "--min-score", -1000)
    done = secondpass(*search, *options)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    # Of two documents the z-scores are 1 and -1: 50 + 1 and -50 - 1, or the model's the other way.
    assert [one["first_rank"] for one in found] == [1, 2]
    assert abs(found[0]["fused_score"]) == pytest.approx(50, abs=1.001)
    done = secondpass(*search, "--min-score", 1000)
    assert done.stdout == ""
    assert done.stderr.strip() == "note: 2 of 2 score below --min-score 1000: dropped"


def test_eval_measures_a_fusion_and_names_it(tmp_path):
    folder = write_collection(tmp_path / "small")
    rows = [("q1", "b", 9), ("q1", "a", 8), ("q2", "e", 2), ("q2", "b", 1), ("q3", "c", 1)]
    write_trec(folder / "run.x.trec", rows)
    out = {name: tmp_path / f"out.{name}" for name in ("json", "html", "trec")}
    done = secondpass(
        *("eval", folder, "--first-stage", "run:run.x.trec", "--fuse", "weighted"),
        *("--fuse-weight", 1000, "--json-out", out["json"], "--html", out["html"]),
        *("--run-out", out["trec"]),
    )
    assert done.returncode == 0, done.stderr
    named = "z(logit) + 1000 z(first-stage score)"
    assert any(line.startswith(f"ordered by   {named}") for line in done.stdout.splitlines())
    record = json.loads(out["json"].read_text())
    assert record["fusion"] == {"rule": "weighted", "weight": 1000.0, "passage_weight": None}
    assert named in out["html"].read_text()
    # So heavy a weight leaves the first stage's order.
    lines = [line.split() for line in out["trec"].read_text().splitlines()]
    assert [(line[0], line[2]) for line in lines] == [(query, id_) for query, id_, _ in rows]


@pytest.mark.parametrize(
    ("options", "fusion", "said"),
    [
        (
            (),
            {"rule": "weighted", "weight": 0.5, "passage_weight": 2.0},
            "z(logit) + 0.5 (2 for a query of over 300 characters) z(first-stage score)",
        ),
        (("--fuse", "none"), None, "the reranker alone"),
        (
            ("--fuse-weight", 2),
            {"rule": "weighted", "weight": 2.0, "passage_weight": None},
            "z(logit) + 2 z(",
        ),
        (("--first-stage", "bm25"), None, "the reranker alone"),
        (("--first-stage", "dense", "--first-stage", "bm25"), None, "the reranker alone"),
    ],
)
def test_eval_orders_by_default_as_a_search_does(tmp_path, options, fusion, said):
    pytest.importorskip("ir_measures")
    folder = write_collection(tmp_path / "small")
    out = tmp_path / "out.json"
    done = secondpass("eval", folder, *options, "--json-out", out)
    assert done.returncode == 0, done.stderr
    assert f"\nordered by   {said}" in done.stdout
    assert json.loads(out.read_text())["fusion"] == fusion


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rerank", "q", "--fuse", "sum"], "'sum' is not one of 'none', 'rrf', 'weighted'"),
        (["rerank", "q", "--fuse-weight", "0.3"], "--fuse-weight is 0.3, but --fuse none"),
        (["rerank", "q", "--fuse", "weighted"], "standard input line 1 has no 'score'"),
        (["rerank", "q", "--min-score", "nan"], "nan is not a finite number"),
        (["rerank", "q", "--min-score", "high"], "'high' is not a valid float"),
        (["eval", "x", "--fuse", "weighted", "--fuse-weight", "-1"], "-1.0 is not in the range"),
        (
            ["search", "q", "--index", "x", "--fuse", "rrf", "--fuse-weight", "1"],
            "--fuse-weight is 1.0, but",
        ),
        (["eval", "x", "--fuse", "rrf", "--fuse-weight", "1"], "--fuse-weight is 1.0, but"),
    ],
)
def test_mistakes_are_one_line_and_status_2(arguments, message):
    done = secondpass(*arguments, stdin='{"text": "a"}')
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert message in line
