"""Cache on equals cache off, and nothing is read twice."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secondpass import CrossEncoderReranker, InputError
from secondpass.deadline.fitting import next_block
from secondpass.engine.schedules import run
from secondpass.options.model import CACHE_BYTES
from secondpass.types import Hit, Timings

QUERY = "read a csv file"
PARITY = Path(__file__).parent / "parity"
# A text's logit depends on its batch's padding in the last bits; a warm cache is exact.
ROUNDING = 1e-5

MakeReranker = Callable[..., CrossEncoderReranker]


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> MakeReranker:
    graphs = tmp_path_factory.mktemp("graphs")

    def build(**options: Any) -> CrossEncoderReranker:
        chosen = {"max_length": 64, "precision": "fp32", "cache_dir": graphs} | options
        return CrossEncoderReranker(chosen.pop("model", PARITY / "bert"), **chosen)

    return build


@pytest.fixture(scope="session")
def plain(make: MakeReranker) -> CrossEncoderReranker:
    return make()


@pytest.fixture(scope="session")
def both(
    make: MakeReranker, tmp_path_factory: pytest.TempPathFactory
) -> tuple[CrossEncoderReranker, CrossEncoderReranker]:
    """A reranker with a cache in memory, small enough to drop things, and one with a folder."""
    folder = tmp_path_factory.mktemp("scores")
    return make(cache="memory", cache_bytes=65536), make(cache=folder)


WORDS = st.sampled_from(["csv", "file", "read", "é", "漢字", "🙂", "x" * 40, ""])
TEXTS = st.lists(st.lists(WORDS, max_size=20).map(" ".join), max_size=6)
# One that leaves room for a text.
QUERIES = (
    st.lists(WORDS, min_size=1, max_size=4)
    .map(" ".join)
    .filter(lambda query: query.strip() and len(query) < 60)
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(query=QUERIES, texts=TEXTS, fuse=st.sampled_from(["none", "rrf"]))
def test_cache_on_equals_cache_off(query, texts, fuse, plain, both):
    expected = by_index(plain.rank(query, texts, None, fuse=fuse).hits)
    for cached in both:
        first = cached.rank(query, texts, None, fuse=fuse)
        again = cached.rank(query, texts, None, fuse=fuse)
        assert again.hits == first.hits  # exactly
        assert again.timings.cached == len(texts)
        assert again.timings.tokens == 0
        for index, hit in by_index(first.hits).items():
            want = expected[index]
            assert (hit.text, hit.truncated) == (want.text, want.truncated)
            assert hit.logit == pytest.approx(want.logit, abs=ROUNDING)
            assert hit.score == pytest.approx(want.score, abs=ROUNDING)
        assert counts(again.timings)[:2] == counts(first.timings)[:2]
        assert counts(first.timings)[:2] == counts(plain.rank(query, texts, None).timings)[:2]


def by_index(hits: tuple[Hit, ...]) -> dict[int, Hit]:
    return {hit.index: hit for hit in hits}


def counts(timings: Timings) -> tuple[int, int, int, int]:
    return timings.candidates, timings.truncated, timings.cached, timings.tokens


def test_only_the_new_texts_are_read(make):
    reranker = make(cache="memory")
    assert counts(reranker.rank(QUERY, ["csv", "file"]).timings)[2] == 0
    alone = make().rank(QUERY, ["date"]).timings
    mixed = reranker.rank(QUERY, ["file", "date", "csv"]).timings
    assert (mixed.candidates, mixed.cached, mixed.tokens) == (3, 2, alone.tokens)
    assert 0 < mixed.cache_ms < mixed.total_ms
    assert make().rank(QUERY, ["csv", "csv"]).timings.cached == 0


def test_a_budget_is_told_which_texts_are_known(make, monkeypatch):
    """Of the model's own deadline: after the cost is known, every block is told what is cached."""
    reranker = make(cache="memory")
    texts = ["csv", "file", "date", "lock"]
    first = reranker.rank(QUERY, [texts[1], texts[2]])
    reranker.calibrate()
    told = []

    def deciding(cost, pace, query, texts, start, *, most, left_ms, cached):
        told.append((start, set(cached)))
        return next_block(
            cost, pace, query, texts, start, most=most, left_ms=left_ms, cached=cached
        )

    monkeypatch.setattr("secondpass.deadline.scorer.next_block", deciding)
    within = reranker.rank(QUERY, texts, None, budget_ms=600_000)
    assert told == [(0, {1, 2})]
    assert within.timings.cached == 2
    scores = {hit.text: hit.score for hit in within}
    assert all(scores[hit.text] == hit.score for hit in first)


def test_equal_texts_of_a_call_are_read_once_and_score_the_same(make):
    texts = ["csv " * 50, "file", "csv " * 50, "csv " * 50]
    alone = make().rank(QUERY, ["csv " * 50, "file"]).timings
    ranking = make(cache="memory").rank(QUERY, texts, None)
    timings = ranking.timings
    assert (timings.candidates, timings.cached, timings.tokens) == (4, 2, alone.tokens)
    assert timings.truncated == 3
    assert len({hit.score for hit in ranking if hit.text != "file"}) == 1


def test_predict_and_rank_share_their_scores(make):
    reranker = make(cache="memory")
    pairs = [(QUERY, "csv"), ("a date", "csv"), (QUERY, "")]
    scores = reranker.predict(pairs)
    assert scores == pytest.approx(make().predict(pairs), abs=ROUNDING)
    ranking = reranker.rank(QUERY, ["", "csv"], None)
    assert ranking.timings.cached == 2
    assert {hit.text: hit.score for hit in ranking} == {"csv": scores[0], "": scores[2]}


def test_query_and_text_are_kept_apart(make):
    """A key by concatenation would take these for one pair."""
    reranker = make(cache="memory")
    reranker.predict([("csv f", "ile")])
    assert reranker.rank("csv", [" file"]).timings.cached == 0
    assert reranker.rank("csv ", ["file"]).timings.cached == 0


def test_a_folder_is_shared_by_rerankers_and_outlives_them(make, tmp_path):
    folder = tmp_path / "deep" / "scores"
    first = make(cache=folder).rank(QUERY, ["csv", "file"], None)
    again = make(cache=str(folder)).rank(QUERY, ["file", "csv"], None)
    assert again.timings.cached == 2
    assert [(hit.text, hit.score) for hit in again] == [(hit.text, hit.score) for hit in first]


@pytest.mark.parametrize(
    "other",
    [
        {"max_length": 63},
        {"model": PARITY / "bert-fp16"},
        {"model": PARITY / "electra"},
        {"precision": "auto"},
    ],
    ids=["length", "weights", "family", "precision"],
)
def test_other_rules_never_find_a_score(make, tmp_path, other):
    """The machine may compute "auto" as it does fp32; then it is the same score, and found."""
    make(cache=tmp_path).rank(QUERY, ["csv"])
    reranker = make(cache=tmp_path, **other)
    same = reranker.info.arithmetic == make().info.arithmetic and other == {"precision": "auto"}
    assert reranker.rank(QUERY, ["csv"]).timings.cached == (1 if same else 0)


def test_the_config_counts(make, tmp_path, model_copy):
    make(cache=tmp_path / "scores").rank(QUERY, ["csv"])
    changed = make(model=model_copy(layer_norm_eps=1e-3), cache=tmp_path / "scores")
    assert changed.rank(QUERY, ["csv"]).timings.cached == 0


def test_another_activation_takes_the_same_logits(make, tmp_path):
    logits = make(cache=tmp_path, activation="identity").predict([(QUERY, "csv")])
    reranker = make(cache=tmp_path, activation="sigmoid")
    ranking = reranker.rank(QUERY, ["csv"])
    assert ranking.timings.cached == 1
    assert ranking[0].score == pytest.approx(1 / (1 + np.exp(-logits[0])), abs=1e-6)


def test_a_logit_that_is_no_number_is_not_kept_and_names_its_place(make, monkeypatch):
    from secondpass import ScoreError

    reranker = make(cache="memory")
    reranker.rank(QUERY, ["csv", "file"])

    def broken(*arguments):
        staged = run(*arguments)
        return staged._replace(logits=staged.logits * np.nan)

    monkeypatch.setattr("secondpass.loaded_model.run", broken)
    for _ in range(2):  # a kept one would be found the second time
        with pytest.raises(ScoreError, match="nan for text 2"):
            reranker.rank(QUERY, ["csv", "file", "date"])


@pytest.mark.parametrize("cache", [3, b"folder", "", True])
def test_a_cache_that_is_no_place_is_refused(make, cache):
    with pytest.raises(InputError, match=r"cache is .*expected None, 'memory' or a folder"):
        make(cache=cache)


def test_a_file_is_no_folder(make, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file is a file, expected 'memory' or a folder"):
        make(cache=tmp_path / "file")


@pytest.mark.parametrize("cache_bytes", [0, -1, 1.5, True, 65535])
def test_the_bound_is_checked(make, cache_bytes):
    with pytest.raises(InputError, match=r"cache_bytes is .* at least 65536"):
        make(cache="memory", cache_bytes=cache_bytes)


def test_a_bound_without_a_cache_is_refused(make):
    with pytest.raises(InputError, match="there is no cache"):
        make(cache_bytes=100_000)


def test_the_default_bound():
    assert CACHE_BYTES == 64 * 2**20


def test_a_folder_that_cannot_be_made_is_a_warning_and_scores_come(make, unwritable, plain):
    with pytest.warns(UserWarning, match=r"null/cache/scores-1\.sqlite cannot be used"):
        reranker = make(cache=unwritable)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # warned once
        assert reranker.predict([(QUERY, "csv")]) == plain.predict([(QUERY, "csv")])
        assert reranker.rank(QUERY, ["csv"]).timings.cached == 0
