"""Budgets through the public classes on a tiny real model.

Which texts there is time for is fixed by the test, for a real machine's speed would decide it.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from secondpass import InputError, SearchPipeline
from secondpass.deadline.fitting import Block
from secondpass.deadline.speed import Speed
from secondpass.scorer import score_texts
from secondpass.types import RetrievedDocument

QUERY = "read a csv file"
TEXTS = ["csv reader", "date and time", "a lock for threads", "csv writer", "queue", "sort a list"]
AGES_MS = 600_000


@pytest.fixture
def fits(monkeypatch):
    """Make the deadline find time for just so many texts, in blocks of two."""

    def choose(count):
        def next_block(cost, pace, query, texts, start, **limits):
            return Block(start, min(start + 2, count) if start < count else start, 1.0)

        monkeypatch.setattr("secondpass.deadline.scorer.next_block", next_block)

    return choose


def test_enough_time_gives_what_no_budget_gives(tiny, documents):
    plain = tiny.rank(QUERY, documents, top_k=None)
    within = tiny.rank(QUERY, documents, top_k=None, budget_ms=AGES_MS)
    assert [hit.index for hit in within] == [hit.index for hit in plain]
    assert [hit.score for hit in within] == pytest.approx([hit.score for hit in plain], abs=1e-5)
    assert all(hit.reranked for hit in within)
    for ranking in (plain, within):
        assert ranking.timings.reranked == ranking.timings.candidates == 100
    assert within.timings.tokens == plain.timings.tokens
    assert within.timings.infer_ms > 0


def test_what_was_not_read_follows_in_its_order(tiny, fits):
    fits(4)
    ranking = tiny.rank(QUERY, TEXTS, budget_ms=AGES_MS)
    read = tiny.rank(QUERY, TEXTS[:4])
    assert [hit.index for hit in ranking] == [*(hit.index for hit in read), 4, 5]
    assert [hit.reranked for hit in ranking] == [True] * 4 + [False] * 2
    assert [hit.score for hit in ranking][4:] == [None, None]
    assert [hit.text for hit in ranking][4:] == TEXTS[4:]
    assert (ranking.timings.reranked, ranking.timings.candidates) == (4, 6)


def test_top_k_counts_the_unread_too(tiny, fits):
    fits(2)
    assert [hit.index for hit in tiny.rank(QUERY, TEXTS, 4, budget_ms=AGES_MS)][2:] == [2, 3]
    assert all(hit.reranked for hit in tiny.rank(QUERY, TEXTS, 2, budget_ms=AGES_MS))
    assert len(tiny.rank(QUERY, TEXTS, 1, budget_ms=AGES_MS)) == 1


def test_dicts_are_marked_only_where_there_was_a_budget(tiny, fits):
    fits(2)
    given = [{"text": text, "id": at} for at, text in enumerate(TEXTS)]
    results = tiny.rerank(QUERY, given, budget_ms=AGES_MS)
    assert [one["reranked"] for one in results] == [True] * 2 + [False] * 4
    assert results[2:] == [
        {**one, "cross_encoder_score": None, "reranked": False} for one in given[2:]
    ]
    assert all("reranked" not in one for one in tiny.rerank(QUERY, given))


def test_a_tiny_budget_gives_the_first_stages_order(tiny):
    ranking = tiny.rank(QUERY, TEXTS, budget_ms=1e-6)
    assert [hit.index for hit in ranking] == list(range(6))
    assert not any(hit.reranked for hit in ranking)
    assert ranking.timings.reranked == 0
    assert ranking.timings.candidates == 6
    assert len(tiny.rank(QUERY, [], budget_ms=1e-6)) == 0


def test_min_score_drops_only_what_was_read(tiny, fits):
    fits(4)
    read = tiny.rank(QUERY, TEXTS[:4])
    ranking = tiny.rank(QUERY, TEXTS, min_score=read[1].score, budget_ms=AGES_MS)
    assert [hit.index for hit in ranking] == [read[0].index, read[1].index, 4, 5]
    assert ranking.timings.dropped == 2


@pytest.mark.parametrize("fuse", ["rrf", "weighted"])
def test_a_fusion_is_among_those_that_were_read(tiny, fits, fuse):
    fits(4)
    scores = [9.0, 7.0, 2.0, 1.0, 0.5, -100.0]
    weighted = fuse == "weighted"
    ranking = tiny.rank(
        QUERY, TEXTS, fuse=fuse, first_stage_scores=scores if weighted else None, budget_ms=AGES_MS
    )
    alone = tiny.rank(
        QUERY, TEXTS[:4], fuse=fuse, first_stage_scores=scores[:4] if weighted else None
    )
    assert [hit.index for hit in ranking][:4] == [hit.index for hit in alone]
    assert [hit.fused for hit in ranking][:4] == pytest.approx([hit.fused for hit in alone])
    assert [hit.fused for hit in ranking][4:] == [None, None]


def test_bad_budgets_are_refused_before_anything_is_measured(tiny):
    for call in (
        lambda: tiny.rank(QUERY, TEXTS, budget_ms=0),
        lambda: tiny.rerank(QUERY, [{"text": "a"}], budget_ms=float("nan")),
        lambda: SearchPipeline(Index(), tiny).search(QUERY, budget_ms="50"),
    ):
        with pytest.raises(InputError, match="budget_ms is"):
            call()


def test_an_empty_query_is_refused_with_a_budget_too(tiny):
    with pytest.raises(InputError, match="empty"):
        tiny.rank(" ", TEXTS, budget_ms=AGES_MS)


def test_a_query_without_room_is_the_callers_error(tiny, fits):
    fits(6)
    with pytest.raises(InputError, match="leaves no room"):
        tiny.rank("word " * 100, TEXTS, budget_ms=AGES_MS)


def test_calibrating_measures_once(tiny):
    asked = []

    def score(query, texts):
        asked.append(texts)
        return score_texts(tiny.model, query, texts)

    speed = Speed(tiny.model.pricing(), score)
    cost = speed.calibrate()
    count = len(asked)
    assert speed.calibrate() is cost
    assert len(asked) == count > 0
    assert cost.line.token_ms > 0
    assert cost.line.call_ms > 0
    text = "csv reader " * 4
    tokens = score_texts(tiny.model, "a", [text]).stats.tokens
    # The estimate from bytes is of the size of the true count.
    estimated = cost.query_tokens("a") + cost.tokens_per_byte * len(text)
    assert 0.3 < estimated / tokens < 3


class Index:
    """A first stage that always finds the same documents; `used` is called before it answers."""

    def __init__(self, used=lambda: None):
        self.used = used

    def search(self, query, limit=10):
        self.used()
        return [RetrievedDocument(f"id{at}", text, {}, 0.5) for at, text in enumerate(TEXTS)]


def test_the_pipeline_marks_documents_too(tiny, fits):
    fits(2)
    result = SearchPipeline(Index(), tiny).search(QUERY, budget_ms=AGES_MS)
    assert [row.hit.reranked for row in result] == [True] * 2 + [False] * 4
    assert [hit.first_rank for hit in result][2:] == [3, 4, 5, 6]
    assert [hit.score for hit in result][2:] == [None] * 4
    assert [hit.rank for hit in result] == [1, 2, 3, 4, 5, 6]
    assert result.timings.rerank.reranked == 2


def test_the_second_pass_is_given_what_the_first_leaves(tiny):
    time = [100.0]
    given = []

    class Noting:
        def rank(self, query, texts, top_k=10, **options):
            given.append(options["budget_ms"])
            return tiny.rank(query, texts, top_k, **options)

    def taking(seconds):
        def used():
            time[0] += seconds

        return used

    def search(seconds):
        pipeline = SearchPipeline(Index(taking(seconds)), Noting(), now=lambda: time[0])
        return pipeline.search(QUERY, budget_ms=50)

    search(0.030)
    late = search(0.060)
    assert given[0] == pytest.approx(20.0)
    assert 0 < given[1] < 0.01
    assert not any(row.hit.reranked for row in late)


def test_many_threads_with_short_budgets_lose_and_repeat_nothing(tiny, documents):
    """How many are read is the machine's affair; which, and in which order, is not."""
    alone = {hit.index: hit.score for hit in tiny.rank(QUERY, documents, top_k=None)}

    def call(number):
        return tiny.rank(QUERY, documents, top_k=None, budget_ms=2.0 + 3 * number)

    with ThreadPoolExecutor(4) as pool:
        rankings = list(pool.map(call, range(16)))
    for ranking in rankings:
        read = ranking.timings.reranked
        assert sorted(hit.index for hit in ranking.hits[:read]) == list(range(read))
        assert [hit.index for hit in ranking.hits[read:]] == list(range(read, 100))
        for hit in ranking.hits[:read]:
            assert hit.score == pytest.approx(alone[hit.index], abs=1e-4)


@pytest.mark.parametrize("budget", [np.float32(1e6), np.float64(1e6), np.int64(10**6), 1e13, 1e300])
def test_every_number_is_a_budget(tiny, budget):
    assert tiny.rank(QUERY, TEXTS, budget_ms=budget).timings.reranked == 6


@pytest.mark.parametrize("budget", [0, -1, float("nan"), float("inf"), True, "50", [50], 10**400])
def test_what_is_none_is_named(tiny, budget):
    with pytest.raises(InputError, match=r"budget_ms is .*expected milliseconds, a finite number"):
        tiny.rank(QUERY, TEXTS, budget_ms=budget)


def test_no_typed_hit_is_made_of_what_dicts_are_asked_for(tiny, monkeypatch):
    """A hit takes microseconds: of a hundred thousand candidates that is more than the budget."""
    monkeypatch.setattr("secondpass.scoring.result.unscored_hit", None)
    found = tiny.rerank(QUERY, [{"text": text} for text in TEXTS], None, budget_ms=1e-6)
    assert [one["text"] for one in found] == TEXTS
    assert found[0] == {"text": TEXTS[0], "cross_encoder_score": None, "reranked": False}


def test_reading_the_candidates_is_part_of_the_budget(tiny, monkeypatch):
    begun = []
    real = type(tiny)._call
    monkeypatch.setattr(
        type(tiny), "_call", lambda self, *given: begun.append("call") or real(self, *given)
    )

    def candidates():
        begun.append("read")
        yield {"text": "csv"}

    tiny.rerank(QUERY, candidates(), budget_ms=AGES_MS)
    tiny.rank(QUERY, (one["text"] for one in candidates()), budget_ms=AGES_MS)
    assert begun == ["call", "read"] * 2
