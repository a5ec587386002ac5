"""What every scorer promises: a model, and a cache, a cascade and a deadline round one."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from exit_models import with_exits

from secondpass import CrossEncoderReranker, InputError
from secondpass.cascade import CascadeScorer
from secondpass.deadline.budget import Budget
from secondpass.deadline.scorer import DeadlineScorer
from secondpass.deadline.speed import Speed
from secondpass.deadline.timeout import ThreadTimeoutRunner
from secondpass.score_cache.memory import MemoryStore
from secondpass.score_cache.scorer import CachedScorer
from secondpass.scorer import Request, score_requests, score_texts
from secondpass.scoring.scored import COLUMNS
from secondpass.scoring.stats import Stats

QUERY, OTHER_QUERY = "read a csv file", "wait for a thread in the event loop"
# Rounding: a text's logit depends on its batch's padding in the last bits of float32.
CLOSE = 1e-4
AGES_MS = 600_000.0


@pytest.fixture(scope="module")
def exiting(parity, tmp_path_factory):
    """A model with exits, so that the same suite can ask for them."""
    folder = with_exits(parity / "bert", tmp_path_factory.mktemp("exits") / "bert")
    return CrossEncoderReranker(
        folder, 64, precision="fp32", cache_dir=tmp_path_factory.mktemp("graphs")
    )


@pytest.fixture(scope="module")
def model(exiting):
    return exiting.model


def cached(model):
    return CachedScorer(model, MemoryStore(10**7), model.rules)


def in_time(scorer, model):
    speed = Speed(model.pricing(), lambda query, texts: score_texts(model, query, texts))
    return DeadlineScorer(scorer, speed, Budget.start(AGES_MS), ThreadTimeoutRunner(2))


# The second model of the cascade scores all: then its answer is the second's own.
SCORERS = {
    "plain": lambda model: model,
    "cached": cached,
    "cascade": lambda model: CascadeScorer(model, model, 1000),
    "deadline": lambda model: in_time(model, model),
    "deadline round a cache": lambda model: in_time(cached(model), model),
    "cascade of caches": lambda model: CascadeScorer(cached(model), cached(model), 1000),
}
TAKES_EFFORT = [name for name in SCORERS if "cascade" not in name]


@pytest.fixture(params=SCORERS)
def scorer(request, model):
    return SCORERS[request.param](model)


@pytest.fixture(scope="module")
def texts(documents):
    """Short and cut texts, an empty one, and duplicates, in no order of length."""
    return [*documents[40:60], "", *documents[:20], "csv " * 200, documents[45], documents[45]]


@pytest.fixture(scope="module")
def expected(model, texts):
    """Each text alone, by the model itself."""
    return np.array([score_texts(model, QUERY, [text]).logits[0] for text in texts])


def test_texts_are_in_input_order_and_score_as_each_does_alone(scorer, texts, expected):
    found = score_texts(scorer, QUERY, texts)
    assert len(found) == len(texts)
    np.testing.assert_allclose(found.logits, expected, atol=CLOSE)
    again = score_texts(scorer, QUERY, texts[::-1])
    np.testing.assert_allclose(again.logits[::-1], expected, atol=CLOSE)


def test_companions_change_no_score(scorer, texts, expected):
    for count in (1, 3, 17):
        found = score_texts(scorer, QUERY, texts[:count])
        np.testing.assert_allclose(found.logits, expected[:count], atol=CLOSE)


def test_an_empty_list_is_an_empty_table(scorer):
    assert len(score_texts(scorer, QUERY, [])) == 0
    assert score_requests(scorer, []) == []
    (table,) = score_requests(scorer, [Request(QUERY, [])])
    assert len(table) == 0


def test_one_text(scorer, expected, texts):
    np.testing.assert_allclose(
        score_texts(scorer, QUERY, texts[:1]).logits, expected[:1], atol=CLOSE
    )


def test_duplicates_score_the_same(scorer):
    found = score_texts(scorer, QUERY, ["csv row"] * 9)
    np.testing.assert_allclose(found.logits, found.logits[0], atol=CLOSE)


def test_what_was_cut_is_said_of_its_text(scorer, texts, model):
    plain = score_texts(model, QUERY, texts)
    assert plain.dropped_tokens[texts.index("csv " * 200)] > 100
    for _ in range(2):  # the second time a cache answers
        found = score_texts(scorer, QUERY, texts)
        for name in ("tokens", "dropped_tokens", "exit_layer", "span", "spans"):
            assert getattr(found, name).tolist() == getattr(plain, name).tolist()


def test_every_column_has_a_row_a_text(scorer, texts):
    found = score_texts(scorer, QUERY, texts)
    assert {len(getattr(found, name)) for name in COLUMNS} == {len(texts)}


def test_two_requests_in_one_batch_equal_each_alone(scorer, texts):
    requests = [(QUERY, texts), (OTHER_QUERY, texts[5:25]), (QUERY, texts[:1])]
    prepared = [scorer.prepare(*request) for request in requests]
    together = [scorer.finish(*both) for both in zip(prepared, scorer.score(prepared), strict=True)]
    for request, found in zip(requests, together, strict=True):
        alone = score_texts(scorer, *request)
        np.testing.assert_allclose(found.logits, alone.logits, atol=CLOSE)
        assert found.tokens.tolist() == alone.tokens.tolist()


@pytest.mark.parametrize("effort", ["balanced", "fast"])
@pytest.mark.parametrize("name", TAKES_EFFORT)
def test_early_exits_choose_within_each_request(name, effort, model, texts):
    scorer = SCORERS[name](model)
    requests = [(QUERY, texts), (OTHER_QUERY, texts[5:25]), (OTHER_QUERY, ["csv", "queue"])]
    prepared = [scorer.prepare(*request, effort) for request in requests]
    # Requests of another effort share the call, and no exits.
    prepared.append(scorer.prepare(QUERY, texts))
    together = [scorer.finish(*both) for both in zip(prepared, scorer.score(prepared), strict=True)]
    for request, found in zip(requests, together, strict=False):
        alone = score_texts(scorer, *request, effort)
        assert found.exit_layer.tolist() == alone.exit_layer.tolist()
        np.testing.assert_allclose(found.logits, alone.logits, atol=CLOSE)
    assert np.count_nonzero(together[0].exit_layer) > len(texts) // 2
    assert not together[3].exit_layer.any()


def test_large_requests_are_cut_into_blocks_and_small_ones_share_them(model, texts):
    asked = []

    class Noting:
        """A model that takes ten texts at a time, and notes how many each batch had."""

        prepare, finish = model.prepare, model.finish

        def most_texts(self, effort="full"):
            return 10

        def score(self, prepared):
            asked.append([len(one.tokens) for one in prepared])
            return model.score(prepared)

    requests = [
        Request(QUERY, texts[:23]), Request(OTHER_QUERY, texts[:4]), Request(QUERY, []),
        Request(QUERY, texts[:5]),
    ]  # fmt: skip
    found = score_requests(Noting(), requests)
    assert asked == [[10], [10], [3, 4], [5]]
    for (query, of_query), table in zip(requests, found, strict=True):
        alone = score_texts(model, query, of_query)
        np.testing.assert_allclose(table.logits, alone.logits, atol=CLOSE)


@pytest.mark.parametrize("name", SCORERS)
def test_stats_of_requests_scored_together_count_as_those_of_each_alone(name, model, texts):
    requests = [Request(QUERY, texts), Request(OTHER_QUERY, texts[5:25])]
    together = score_requests(SCORERS[name](model), requests)
    for request, found in zip(requests, together, strict=True):
        alone = score_texts(SCORERS[name](model), *request).stats
        assert (found.stats.tokens, found.stats.windows) == (alone.tokens, alone.windows)
        assert all(getattr(found.stats, field.name) >= 0 for field in fields(Stats))
        assert found.stats.infer_ms > 0


def test_time_in_a_shared_batch_is_divided_by_tokens(model, texts):
    prepared = [model.prepare(QUERY, texts[:20]), model.prepare(QUERY, texts[:20])]
    first, second = model.score(prepared)
    assert first.stats.infer_ms == pytest.approx(second.stats.infer_ms)
    assert first.stats.tokens == 0  # counted once, when they were prepared


def test_a_query_that_leaves_no_room_is_an_error(scorer):
    with pytest.raises(InputError, match="leaves no room"):
        score_texts(scorer, "word " * 100, ["text"])


def test_a_cache_scores_nothing_twice(model, texts):
    scorer = cached(model)
    first, again = (score_texts(scorer, QUERY, texts) for _ in range(2))
    assert first.cached.sum() == len(texts) - len(set(texts))
    assert again.cached.all()
    assert again.stats.tokens == 0
    assert again.logits.tolist() == first.logits.tolist()


def test_a_cascade_marks_which_model_scored_each_text(model, texts):
    found = score_texts(CascadeScorer(model, model, 5), QUERY, texts)
    assert np.count_nonzero(found.scored_by == 2) == 5
    assert np.count_nonzero(found.scored_by == 1) == len(texts) - 5
    assert min(found.logits[found.scored_by == 2]) >= max(found.logits[found.scored_by == 1]) - 1e-4
