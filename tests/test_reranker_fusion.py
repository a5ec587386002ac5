"""Fusion and min_score on a tiny real model."""

import math

import numpy as np
import pytest

from secondpass import CrossEncoderReranker, InputError
from secondpass.loaded_model import BLOCK, LoadedModel

QUERY = "read a csv file"


@pytest.fixture(scope="module")
def first_stage_scores(documents_once):
    return [((at * 37) % 101) / 10 for at in range(len(documents_once))]


@pytest.fixture(scope="module")
def documents_once():
    return [f"csv row {at % 13} of file number {at}" for at in range(60)]


def test_rerank_and_rank_agree_and_the_models_score_stays(tiny, documents_once, first_stage_scores):
    candidates = [
        {"text": text, "bm25": score}
        for text, score in zip(documents_once, first_stage_scores, strict=True)
    ]
    plain = {hit.index: hit.score for hit in tiny.rank(QUERY, documents_once, top_k=None)}
    for fuse in ("rrf", "weighted"):
        scores = first_stage_scores if fuse == "weighted" else None
        ranking = tiny.rank(QUERY, documents_once, top_k=None, fuse=fuse, first_stage_scores=scores)
        fused = [hit.fused for hit in ranking]
        assert fused == sorted(fused, reverse=True)
        assert {hit.index: hit.score for hit in ranking} == plain
        results = tiny.rerank(QUERY, candidates, top_k=None, fuse=fuse, first_stage_score="bm25")
        assert [one["fused_score"] for one in results] == fused
        assert [one["cross_encoder_score"] for one in results] == [hit.score for hit in ranking]
    assert "fused_score" not in tiny.rerank(QUERY, candidates)[0]


def test_weighted_by_the_definition_on_the_logits(parity, tiny, documents_once, first_stage_scores):
    """z-scores by numpy, logits from the same model without its sigmoid."""
    bare = CrossEncoderReranker(parity / "bert", 64, precision="fp32", activation="identity")
    logits = bare.predict([(QUERY, text) for text in documents_once]).astype(np.float64)
    first = np.array(first_stage_scores)
    expected = (logits - logits.mean()) / logits.std() + 0.7 * (first - first.mean()) / first.std()
    ranking = tiny.rank(
        QUERY,
        documents_once,
        top_k=None,
        fuse="weighted",
        fuse_weight=0.7,
        first_stage_scores=first_stage_scores,
    )
    by_index = sorted(ranking, key=lambda hit: hit.index)
    assert [hit.fused for hit in by_index] == pytest.approx(expected, abs=1e-3)
    assert [hit.logit for hit in by_index] == pytest.approx(logits, abs=1e-5)


def test_weight_zero_is_the_order_without_fusion(tiny, documents_once, first_stage_scores):
    plain = tiny.rank(QUERY, documents_once, top_k=None)
    ranking = tiny.rank(
        QUERY,
        documents_once,
        top_k=None,
        fuse="weighted",
        fuse_weight=0,
        first_stage_scores=first_stage_scores,
    )
    assert [hit.index for hit in ranking] == [hit.index for hit in plain]


def test_fusion_sees_all_blocks_at_once(tiny):
    """A text of the second block is first of all only if the z-scores are over both."""
    count = BLOCK + 50
    first_stage_scores = [0.0] * count
    first_stage_scores[BLOCK + 20] = 1.0
    ranking = tiny.rank(
        QUERY,
        [f"text {at % 7}" for at in range(count)],
        top_k=3,
        fuse="weighted",
        fuse_weight=1,
        first_stage_scores=first_stage_scores,
    )
    assert ranking[0].index == BLOCK + 20
    # One of n at 1 and all others at 0 is the root of n - 1 standard deviations above the mean.
    assert ranking[0].fused == pytest.approx(math.sqrt(count - 1), abs=5)


def test_min_score_drops_and_counts(tiny, documents_once):
    plain = tiny.rank(QUERY, documents_once, top_k=None)
    limit = plain[24].score
    ranking = tiny.rank(QUERY, documents_once, top_k=10, min_score=limit)
    assert ranking.hits == plain.hits[:10]
    assert ranking.timings.dropped == len(documents_once) - sum(hit.score >= limit for hit in plain)
    assert plain.timings.dropped == 0
    candidates = [{"text": text} for text in documents_once]
    assert tiny.rerank(QUERY, candidates, min_score=1.1) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fuse": "mean"}, "fuse is 'mean', expected one of none, rrf, weighted"),
        ({"fuse_weight": 1}, "fuse_weight is 1.0, but fuse='none'"),
        ({"min_score": math.nan}, "min_score is float nan"),
        ({"fuse": "weighted"}, "candidate 1 has no 'score'"),
        ({"fuse": "weighted", "first_stage_score": "text"}, "candidate 0: 'text' is str 'a'"),
        ({"first_stage_score": 3}, "first_stage_score is int 3"),
    ],
)
def test_options_are_checked_before_anything_is_scored(tiny, monkeypatch, options, message):
    monkeypatch.setattr(LoadedModel, "score", None)
    with pytest.raises(InputError, match=message):
        tiny.rerank(QUERY, [{"text": "a", "score": 1.0}, {"text": "b"}], **options)


def test_nothing_to_rank_is_no_error(tiny):
    assert tiny.rerank(QUERY, [], fuse="weighted", min_score=0.5) == []
    assert len(tiny.rank(QUERY, [], fuse="rrf")) == 0
