"""A candidate that cannot be scored is skipped, a query without room is cut, and both are said."""

from __future__ import annotations

import json

import numpy as np
import pytest

from secondpass import InputError, ScoreError, SearchPipeline
from secondpass.cli.main import main
from secondpass.models.tokenizer import load_tokenizer
from secondpass.types import RetrievedDocument

QUERY = "read a csv file"
GOOD = [{"text": "csv reader", "id": 0}, {"text": "date and time", "id": 1}]
LONG = "csv file " * 200

BAD = {
    "no text": ({"title": "a"}, "has neither 'text' nor 'content'"),
    "number": ({"text": 5, "id": 9}, "'text' is int 5, expected a string"),
    "none": (None, "is NoneType None, expected a dict"),
    "string": ("text", "is str 'text', expected a dict"),
    "surrogate": ({"text": "a\ud800"}, "lone surrogate U.D800"),
    "content": ({"content": b"bytes"}, "'content' is bytes"),
}


@pytest.mark.parametrize(("bad", "message"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_bad_candidate_is_skipped_and_said(tiny, bad, message, place):
    given = [*GOOD[:place], bad, *GOOD[place:]]
    with pytest.raises(InputError, match=message):
        tiny.rerank(QUERY, given)
    found = tiny.rerank(QUERY, given, on_error="skip")
    alone = tiny.rerank(QUERY, GOOD)
    assert [one["id"] for one in found[:2]] == [one["id"] for one in alone]
    scores = [one["cross_encoder_score"] for one in alone]
    assert [one["cross_encoder_score"] for one in found[:2]] == pytest.approx(scores, abs=1e-5)
    assert [one["reranked"] for one in found] == [True, True, False]
    assert found[2]["cross_encoder_score"] is None
    assert found[2]["error"].startswith(f"candidate {place}")
    assert "error" not in found[0]
    if isinstance(bad, dict):
        assert bad.items() <= found[2].items()


def test_typed_hits_keep_the_callers_positions(tiny):
    texts = ["csv reader", None, "date", 7, "csv file"]
    ranking = tiny.rank(QUERY, texts, None, on_error="skip")
    plain = tiny.rank(QUERY, ["csv reader", "date", "csv file"], None)
    assert [hit.index for hit in ranking] == [[0, 2, 4][hit.index] for hit in plain] + [1, 3]
    assert [hit.text for hit in ranking][:3] == [hit.text for hit in plain]
    assert [hit.error for hit in ranking][3:] == [
        "text 1 is NoneType None, expected a string",
        "text 3 is int 7, expected a string",
    ]
    timings = ranking.timings
    assert (timings.candidates, timings.reranked, timings.skipped) == (5, 3, 2)
    assert len(tiny.rank(QUERY, texts, 4, on_error="skip")) == 4
    assert tiny.rank(QUERY, texts, 3, on_error="skip").timings.skipped == 2


@pytest.mark.parametrize("fuse", ["rrf", "weighted"])
def test_a_fusion_is_among_those_that_can_be_scored(tiny, fuse):
    given = [
        {"text": "csv", "score": 2.0},
        {"text": "date", "score": 1.0},
        {"text": "csv file", "score": 3.0},
    ]
    bad = [{"text": 5, "score": 9.0}, *given]
    if fuse == "weighted":
        bad.append({"text": "csv reader", "score": float("nan")})
        bad.append({"text": "csv reader"})
    expected = [(one["text"], one["fused_score"]) for one in tiny.rerank(QUERY, given, fuse=fuse)]
    found = tiny.rerank(QUERY, bad, fuse=fuse, on_error="skip")
    assert [one["text"] for one in found[:3]] == [text for text, _ in expected]
    fused = [score for _, score in expected]
    assert [one["fused_score"] for one in found[:3]] == pytest.approx(fused, abs=1e-5)
    assert all("error" in one for one in found[3:])
    if fuse == "weighted":
        ranking = tiny.rank(
            QUERY, ["csv", "date"], fuse=fuse, first_stage_scores=[1.0, "2"], on_error="skip"
        )
        assert ranking[1].error.startswith("first_stage_scores[1] is str '2'")


def test_a_text_for_which_the_model_gives_no_number_is_skipped(tiny, monkeypatch):
    run = type(tiny.model).finish

    def broken(self, prepared, logits):
        scored = run(self, prepared, logits)
        scored.logits[1:3] = [np.nan, np.inf]
        return scored

    monkeypatch.setattr(type(tiny.model), "finish", broken)
    texts = ["csv", "date", "lock", "csv file"]
    with pytest.raises(ScoreError):
        tiny.rank(QUERY, texts)
    ranking = tiny.rank(QUERY, texts, on_error="skip")
    assert sorted(hit.index for hit in ranking.hits[:2]) == [0, 3]
    assert [hit.error for hit in ranking.hits[2:]] == [
        "the model gave nan for text 1",
        "the model gave inf for text 2",
    ]


def test_nothing_but_bad_candidates_is_a_ranking_too(tiny):
    found = tiny.rerank(QUERY, [{}, {"text": None}], on_error="skip")
    assert [one["reranked"] for one in found] == [False, False]
    assert tiny.rerank(QUERY, [], on_error="skip") == []


def test_what_is_no_candidates_fault_is_raised_all_the_same(tiny):
    for call in (
        lambda: tiny.rerank(" ", GOOD, on_error="skip"),
        lambda: tiny.rerank(QUERY, GOOD, on_error="ignore"),
        lambda: tiny.rerank(QUERY, GOOD, on_error="skip", fuse="weighted", first_stage_score=5),
        lambda: tiny.rank(QUERY, ["a"], on_error="skip", fuse="weighted", first_stage_scores=[]),
        lambda: tiny.rank(QUERY, "abc", on_error="skip"),
    ):
        with pytest.raises(InputError):
            call()


def test_with_a_budget_the_unread_come_before_the_skipped(tiny):
    given = [{}, *GOOD]
    found = tiny.rerank(QUERY, given, on_error="skip", budget_ms=1e-6)
    assert [one.get("id") for one in found] == [0, 1, None]
    assert ["error" in one for one in found] == [False, False, True]


def test_reranking_again_removes_the_error(tiny):
    found = tiny.rerank(QUERY, [*GOOD, {"title": "a"}], on_error="skip")
    repaired = [{**one, "text": one.get("text", "csv")} for one in found]
    assert all("error" not in one for one in tiny.rerank(QUERY, repaired))
    assert all("reranked" not in one for one in tiny.rerank(QUERY, repaired))


def test_a_long_query_is_cut_and_said(tiny, parity):
    with pytest.raises(InputError, match=r"leaves no room.*long_query='truncate'"):
        tiny.rank(LONG, ["csv", "date"])
    ranking = tiny.rank(LONG, ["csv", "date"], long_query="truncate")
    tokenizer = load_tokenizer(parity / "bert" / "tokenizer.json")
    tokens = tokenizer.encode(LONG, add_special_tokens=False)
    kept = (64 - 3) // 2
    assert ranking.timings.query_dropped_tokens == len(tokens) - kept
    by_hand = tiny.rank(LONG[: tokens.offsets[kept - 1][1]], ["csv", "date"])
    assert [hit.score for hit in ranking] == [hit.score for hit in by_hand]
    dicts = tiny.rerank(LONG, GOOD, long_query="truncate")
    assert all(one["query_truncated"] for one in dicts)
    assert tiny.score(LONG, ["csv"], long_query="truncate").timings.query_dropped_tokens > 0
    again = tiny.rerank(QUERY, dicts)
    assert not any("query_truncated" in one for one in again)


def test_a_query_of_at_most_half_is_not_cut(tiny):
    ranking = tiny.rank(QUERY, ["csv"], long_query="truncate")
    assert ranking.timings.query_dropped_tokens == 0
    assert ranking.hits == tiny.rank(QUERY, ["csv"]).hits
    assert "query_truncated" not in tiny.rerank(QUERY, GOOD, long_query="truncate")[0]


@pytest.mark.parametrize("unit", ["csv file ", ".", "茶", "a"])
def test_a_query_of_millions_is_cut_in_bounded_time(tiny, unit):
    (hit,) = tiny.rank(unit * 3_000_000, ["csv"], long_query="truncate")
    assert hit.score is not None


def test_a_search_cuts_its_second_query(tiny):
    class One:
        def search(self, query, limit=10):
            return [RetrievedDocument("a", "csv", {}, 0.5)]

    result = SearchPipeline(One(), tiny).search(LONG, long_query="truncate")
    assert result.timings.rerank.query_dropped_tokens > 0
    with pytest.raises(InputError, match="leaves no room"):
        SearchPipeline(One(), tiny).search(LONG)


def test_the_command_skips_and_cuts(tmp_path, parity, capsys):
    file = tmp_path / "candidates.jsonl"
    lines = [*GOOD, {"title": "no text"}, 5, {"text": "a\ud800"}]
    file.write_text("\n".join(map(json.dumps, lines)))
    model = ["--model", str(parity / "bert"), "--max-length", "64"]
    with pytest.raises(SystemExit):
        main(["rerank", QUERY, str(file), *model])
    assert "candidates.jsonl line 3 has neither" in capsys.readouterr().err
    flags = ["--on-error", "skip", "--long-query", "truncate"]
    main(["rerank", LONG, str(file), *model, *flags])
    shown = capsys.readouterr()
    rows = [json.loads(line) for line in shown.out.splitlines()]
    assert [row["reranked"] for row in rows] == [True, True, False, False, False]
    assert rows[2]["error"].startswith("candidate 2 has neither")
    assert all(row["query_truncated"] for row in rows)
    assert "3 of 5 could not be scored" in shown.err
    assert "the query was cut" in shown.err
