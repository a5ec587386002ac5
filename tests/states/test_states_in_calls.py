"""States beside what wraps a model: a score cache, a cascade, a budget, a pipeline's dicts."""

from __future__ import annotations

import numpy as np
import pytest
from exit_models import with_exits

from secondpass import CrossEncoderReranker, InputError, Passage, TextFeatures
from secondpass.scoring.passage import bring_states

QUERY = "read the csv rows"


@pytest.fixture(scope="module")
def folder(late_join, tmp_path_factory):
    return with_exits(late_join, tmp_path_factory.mktemp("states") / "m")


@pytest.fixture(scope="module")
def load(folder, tmp_path_factory):
    graphs = tmp_path_factory.mktemp("graphs")

    def load(**options):
        model = {} if "cascade" in options else {"model_name": folder}
        return CrossEncoderReranker(
            max_length=64, precision="fp32", cache_dir=graphs, threads=2, **model, **options
        )

    return load


@pytest.fixture(scope="module")
def texts():
    return [f"the file {'and a row ' * (at % 7)}{at}" for at in range(40)]


def test_passages_bring_ids_and_states(load, texts):
    reranker = load()
    kept = reranker.passages([*texts, "a " * 600])
    assert all(isinstance(one, Passage) for one in kept[:-1])
    assert kept == [*texts, "a " * 600]
    assert type(kept[-1]) is str
    for text, one in zip(texts, kept, strict=False):
        (ids,) = reranker.model.encoder.encode([text])
        assert one.features.token_ids.tolist() == ids.tolist()
    assert reranker.rank(QUERY, kept, None).timings.from_states == len(texts)


@pytest.mark.parametrize("precision", ["int4", None, 8])
def test_another_precision_is_refused(load, precision):
    with pytest.raises(InputError, match=r"precision.*int8"):
        load().passages(["a"], precision)


def test_a_score_from_states_is_not_the_cached_one_of_the_text(load, texts):
    """Nor that of states of another precision: each rounds in its own way."""
    reranker = load(cache="memory")
    int8, float16 = reranker.passages(texts), reranker.passages(texts, "float16")
    for given in (texts, int8, float16):
        assert reranker.rank(QUERY, given, None).timings.cached == 0
    logits = {}
    for name, given in [("texts", texts), ("int8", int8), ("float16", float16)]:
        scores = reranker.score(QUERY, given)
        assert scores.timings.cached == len(texts)
        logits[name] = scores.logits
    assert (logits["texts"] != logits["int8"]).any()
    np.testing.assert_array_equal(logits["int8"], load().score(QUERY, int8).logits)


def test_states_that_are_not_used_are_no_part_of_a_key(load, texts):
    reranker = load(cache="memory")
    (kept,) = reranker.passages([texts[0]])
    reranker.rank(QUERY, [texts[1]])
    other = Passage(texts[1], kept.features)
    assert reranker.rank(QUERY, [other]).timings.cached == 1


def test_both_models_of_a_cascade_begin_at_the_join(load, folder, texts):
    reranker = load(cascade=[folder, folder], keep=5)
    kept = reranker.passages(texts, "float16")
    scores, expected = reranker.score(QUERY, kept), reranker.score(QUERY, texts)
    assert scores.timings.from_states == len(texts) + 5
    np.testing.assert_array_equal(scores.scored_by, expected.scored_by)


def test_a_model_of_a_cascade_that_is_not_late_joined_reads_the_texts(load, folder, parity, texts):
    reranker = load(cascade=[folder, parity / "bert"], keep=5)
    kept = reranker.models[0].passages(texts)
    assert reranker.rank(QUERY, kept, None).timings.from_states == len(texts)


def test_a_call_with_a_budget_uses_states_and_learns_what_they_cost_apart(load, texts):
    reranker = load()
    kept = reranker.passages(texts)
    result = reranker.rank(QUERY, kept, None, budget_ms=60_000)
    assert (result.timings.reranked, result.timings.from_states) == (len(texts), len(texts))
    assert set(reranker._speeds) == {("full", True)}
    # One text without states is priced as all are without.
    reranker.rank(QUERY, [*kept[1:], texts[0]], None, budget_ms=60_000, effort="instant")
    assert ("instant", False) in reranker._speeds


def test_what_is_measured_for_a_budget_brings_states_as_the_call_does(load, texts):
    reranker = load()
    measured = []
    real = reranker.model.prepare

    def prepare(query, given, effort="full"):
        measured.append(list(given))
        return real(query, given, effort)

    reranker.model.prepare = prepare
    reranker.rank(QUERY, reranker.passages(texts), None, budget_ms=60_000, effort="instant")
    # The longest that are measured are longer than this model reads, and have none.
    assert all(bring_states(given) for given in measured if len(given[0]) < 200)
    assert len(measured) > 2


def test_dicts_carry_passages(load, texts):
    reranker = load()
    kept = reranker.passages(texts, "float16")
    dicts = [{"text": text, "at": at} for at, text in enumerate(kept)]
    plain = [{"text": text, "at": at} for at, text in enumerate(texts)]
    assert bring_states(dicts)
    for options in ({}, {"budget_ms": 60_000}, {"effort": "instant"}):
        found = reranker.rerank(QUERY, dicts, None, **options)
        expected = reranker.rerank(QUERY, plain, None, **options)
        assert {one["at"]: one["cross_encoder_score"] for one in found} == pytest.approx(
            {one["at"]: one["cross_encoder_score"] for one in expected}, abs=2e-3
        )


@pytest.mark.parametrize(
    ("given", "brings"),
    [
        (["a"], False),
        ([], False),
        ("a", False),
        (iter(["a"]), False),
        ([{"text": "a"}], False),
        ([Passage("a", TextFeatures())], False),
        ([None], False),
    ],
)
def test_what_brings_no_states(given, brings):
    assert bring_states(given) is brings


def test_lists_share_a_call_with_and_without_states(load, texts):
    reranker = load()
    kept = reranker.passages(texts)
    for effort in ("full", "balanced", "instant"):
        rankings = reranker.rank_many(["csv", QUERY], [kept[:9], texts[9:]], None, effort=effort)
        assert [one.timings.from_states for one in rankings] == [9, 0]


def test_what_was_computed_of_a_text_is_not_used_for_another(load, texts):
    """Neither the states nor the token ids."""
    with load() as reranker:
        others = [f"{text} queue" for text in texts]
        moved = [
            Passage(other, one.features)
            for other, one in zip(others, reranker.passages(texts), strict=True)
        ]
        scores = reranker.score(QUERY, moved)
        expected = reranker.score(QUERY, others)
    assert scores.timings.from_states == 0
    np.testing.assert_array_equal(scores.tokens, expected.tokens)
    np.testing.assert_allclose(scores.logits, expected.logits, atol=1e-4)
