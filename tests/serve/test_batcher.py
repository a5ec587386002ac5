"""Every test steps the batcher itself: no threads, no sleeps."""

from __future__ import annotations

import numpy as np
import pytest
from serve_fakes import Clock, FakeScorer, batcher_of, expected, queries, work_of

from secondpass.errors import InputError
from secondpass.scorer import Request
from secondpass.scoring.scored import Scored
from secondpass.serve.contract import Closed, Failed
from secondpass.serve.slices import WholeBlocks
from secondpass.serve.work import Work

TEXTS = ["aaaa", "bb", "c", "dddddd", "", "eee"]


@pytest.fixture
def now():
    return Clock()


def run(batcher):
    """Step until nothing waits; return how many groups that took."""
    steps = 0
    while not batcher.idle:
        batcher.step()
        steps += 1
        assert steps < 10_000
    return steps


def test_an_answer_is_in_the_order_of_the_texts_and_that_of_each_alone(now):
    batcher = batcher_of(FakeScorer(), now)
    work = work_of("q", TEXTS, now)
    batcher.submit([work])
    assert run(batcher) == 1
    assert work.future.result() == expected("q", TEXTS)


@pytest.mark.parametrize("group_ms", [1.0, 3.0, 7.0, 1000.0])
def test_companions_and_group_size_change_no_answer(now, group_ms):
    scorer = FakeScorer()
    batcher = batcher_of(scorer, now, group_ms=group_ms)
    works = {
        query: work_of(query, TEXTS[: 1 + number], now, client=str(number % 3))
        for number, query in enumerate(["one", "two", "three", "four", "five"])
    }
    batcher.submit(works.values())
    run(batcher)
    for query, work in works.items():
        assert work.future.result() == expected(query, work.request.texts)
    # Each text was scored once.
    assert sum(len(one.texts) for group in scorer.groups for one in group) == 1 + 2 + 3 + 4 + 5


def test_short_requests_share_a_group(now):
    scorer = FakeScorer()
    batcher = batcher_of(scorer, now, group_ms=10.0)
    batcher.submit([work_of(str(number), ["aa", "bb"], now) for number in range(5)])
    assert run(batcher) == 2
    first, second = map(queries, scorer.groups)
    assert first == ["0", "1", "2"]
    assert set(second) >= {"3", "4"}


def test_a_short_request_does_not_wait_for_a_long_one(now):
    scorer = FakeScorer()
    batcher = batcher_of(scorer, now, group_ms=10.0)
    long = work_of("long", ["aaaaa"] * 100, now, client="a")
    batcher.submit([long])
    batcher.step()
    short = work_of("short", ["b"], now, client="b")
    batcher.submit([short])
    batcher.step()
    assert short.future.done()
    assert not long.future.done()
    assert set(queries(scorer.groups[1])) == {"short", "long"}
    run(batcher)
    assert long.future.result() == expected("long", ["aaaaa"] * 100)


def test_of_one_client_too_a_short_request_overtakes(now):
    scorer = FakeScorer()
    batcher = batcher_of(scorer, now, group_ms=10.0)
    long = work_of("long", ["aaaaa"] * 100, now, due_ms=1000.0)
    short = work_of("short", ["b"], now, due_ms=3.0)
    batcher.submit([long])
    batcher.step()
    batcher.submit([short])
    batcher.step()
    assert short.future.done()
    assert not long.future.done()


def test_a_long_request_is_scored_in_parts_of_like_length(now):
    scorer = FakeScorer()
    batcher = batcher_of(scorer, now, group_ms=12.0)
    texts = ["a" * (1 + number % 6) for number in range(24)]
    work = work_of("q", texts, now)
    batcher.submit([work])
    assert run(batcher) > 5
    spreads = [
        max(map(len, group[0].texts)) - min(map(len, group[0].texts)) for group in scorer.groups
    ]
    assert max(spreads) <= 1
    assert work.future.result() == expected("q", texts)


def test_requests_with_exits_share_a_group_and_keep_their_blocks(now):
    scorer = FakeScorer(most=4)
    batcher = batcher_of(scorer, now, group_ms=3.0)
    exits = Work(
        Request("exits", TEXTS),
        WholeBlocks(np.ones(6), 4),
        lambda scored: scored.logits.tolist(),
        now=now,
        effort="fast",
        client="a",
    )
    plain = work_of("plain", ["a"], now, client="b")
    batcher.submit([plain, exits])
    run(batcher)
    assert exits.future.result() == expected("exits", TEXTS)
    blocks = [one.texts for group in scorer.groups for one in group if one.effort == "fast"]
    assert blocks == [TEXTS[:4], TEXTS[4:]]
    assert set(queries(scorer.groups[0])) == {"plain", "exits"}


def test_clients_have_their_turns(now):
    scorer = FakeScorer()
    batcher = batcher_of(scorer, now, group_ms=1.0)
    flood = [work_of(f"flood {number}", ["a"], now, client="flood") for number in range(50)]
    batcher.submit(flood)
    batcher.submit([work_of(f"one {number}", ["a"], now, client="one") for number in range(3)])
    for _ in range(6):
        batcher.step()
    asked = [queries(group)[0].split()[0] for group in scorer.groups]
    assert sorted(asked) == ["flood"] * 3 + ["one"] * 3


def test_a_client_that_went_away_costs_nothing(now):
    scorer = FakeScorer()
    batcher = batcher_of(scorer, now, group_ms=10.0)
    gone = work_of("gone", ["aaaaa"] * 10, now)
    stays = work_of("stays", ["a"], now)
    batcher.submit([gone, stays])
    assert batcher.all_ms() == 51.0
    assert gone.future.cancel()
    assert batcher.all_ms() == 1.0
    run(batcher)
    assert [queries(group) for group in scorer.groups] == [["stays"]]
    assert stays.future.result() == expected("stays", ["a"])


def test_what_is_not_begun_of_a_request_is_dropped_when_its_client_goes(now):
    scorer = FakeScorer()
    batcher = batcher_of(scorer, now, group_ms=10.0)
    gone = work_of("gone", ["aaaaa"] * 10, now)
    batcher.submit([gone])
    batcher.step()
    gone.future.cancel()
    run(batcher)
    assert len(scorer.groups) == 1


def test_a_client_that_goes_between_its_turn_and_the_score_is_left_out(now):
    works = {}
    scorer = FakeScorer(on_prepare=lambda asked: works["second"].future.cancel())
    batcher = batcher_of(scorer, now)
    for query in ("first", "second"):
        works[query] = work_of(query, ["a"], now)
    batcher.submit(works.values())
    run(batcher)
    assert [queries(group) for group in scorer.groups] == [["first"]]


@pytest.mark.parametrize("bad", [["x0"], ["x3"], ["x0", "x7"], ["x2", "x3", "x4"]])
def test_a_request_that_fails_the_batch_fails_alone(now, bad):
    def fail(asked):
        if set(queries(asked)) & set(bad):
            raise MemoryError("no room for a batch")

    batcher = batcher_of(FakeScorer(fail), now)
    works = {f"x{number}": work_of(f"x{number}", ["a", "bb"], now) for number in range(8)}
    batcher.submit(works.values())
    run(batcher)
    for query, work in works.items():
        if query in bad:
            with pytest.raises(MemoryError, match="no room"):
                work.future.result(0)
        else:
            assert work.future.result(0) == expected(query, ["a", "bb"])
    after = work_of("after", ["a"], now)
    batcher.submit([after])
    run(batcher)
    assert after.future.result(0) == expected("after", ["a"])


@pytest.mark.parametrize("where", ["on_prepare", "on_finish"])
def test_a_request_that_cannot_be_prepared_or_finished_fails_alone(now, where):
    def fail(asked):
        if asked.query == "bad":
            raise InputError("the query leaves no room for a text")

    batcher = batcher_of(FakeScorer(**{where: fail}), now)
    bad, good = work_of("bad", ["a"], now), work_of("good", ["a"], now)
    batcher.submit([bad, good])
    run(batcher)
    with pytest.raises(InputError, match="no room"):
        bad.future.result(0)
    assert good.future.result(0) == expected("good", ["a"])


def test_a_request_that_cannot_be_opened_fails_alone(now):
    def opened(request):
        raise InputError("instruction is not taken")

    batcher = batcher_of(FakeScorer(), now)
    bad, good = work_of("bad", ["a"], now, opened=opened), work_of("good", ["a"], now)
    batcher.submit([bad, good])
    run(batcher)
    assert isinstance(bad.future.exception(0), InputError)
    assert good.future.result(0) == expected("good", ["a"])


def test_an_answer_that_cannot_be_made_is_an_error_of_its_request(now):
    def answer(scored):
        raise ValueError("text 0 has no finite score")

    work = Work(Request("q", ["a"]), work_of("q", ["a"], now)._slices, answer, now=now)
    batcher = batcher_of(FakeScorer(), now)
    batcher.submit([work])
    run(batcher)
    assert isinstance(work.future.exception(0), ValueError)


def test_a_step_that_ends_its_thread_fails_what_it_held_by_name(now):
    def end(asked):
        if "bad" in queries(asked):
            raise SystemExit(3)

    batcher = batcher_of(FakeScorer(end), now, group_ms=2.0)
    held = [work_of("bad", ["a"], now), work_of("beside", ["a"], now)]
    later = work_of("later", ["a"], now)
    batcher.submit([*held, later])
    with pytest.raises(SystemExit):
        batcher.step()
    for work in held:
        assert isinstance(work.future.exception(0), Failed)
        assert "SystemExit" in str(work.future.exception(0))
    run(batcher)
    assert later.future.result(0) == expected("later", ["a"])


def test_what_waits_is_still_scored_after_close_and_nothing_else_is_taken(now):
    batcher = batcher_of(FakeScorer(), now)
    work = work_of("q", ["a"], now)
    batcher.submit([work])
    batcher.close()
    with pytest.raises(Closed):
        batcher.submit([work_of("late", ["a"], now)])
    assert batcher.step()
    assert work.future.result(0) == expected("q", ["a"])
    assert not batcher.step()


def test_what_is_dropped_is_told(now):
    batcher = batcher_of(FakeScorer(), now)
    works = [work_of(str(number), ["a"], now) for number in range(3)]
    batcher.submit(works)
    batcher.drop()
    assert all(isinstance(work.future.exception(0), Closed) for work in works)
    assert batcher.idle


def test_waiting_is_predicted_by_how_slow_the_machine_is(now):
    scorer = FakeScorer(lambda asked: now.advance(300.0))
    batcher = batcher_of(scorer, now, group_ms=100.0)
    assert batcher.wait_ms("a", 10.0, 0.0) == 0.0
    batcher.submit([work_of("q", ["a" * 100], now) for _ in range(20)])
    idle = batcher.all_ms()
    assert idle == 2000.0
    for _ in range(10):
        batcher.step()
    assert batcher.all_ms() > 2 * idle / 2  # half is done, at a third of the speed
    run(batcher)
    assert batcher.all_ms() == 0.0


def test_how_long_a_group_has_been_scored_is_known(now):
    found = []

    def late(asked):
        now.advance(90_000.0)
        found.append(batcher.oldest_s)

    batcher = batcher_of(FakeScorer(late), now)
    batcher.submit([work_of("q", ["a"], now)])
    assert batcher.oldest_s == 0.0
    run(batcher)
    assert found == [pytest.approx(90.0)]
    assert batcher.oldest_s == 0.0


def test_groups_are_told(now):
    told = []
    batcher = batcher_of(FakeScorer(lambda asked: now.advance(5.0)), now, noted=told.append)
    batcher.submit([work_of("q", ["a", "b"], now), work_of("r", ["c"], now)])
    run(batcher)
    (group,) = told
    assert (group.requests, group.texts, group.idle_ms) == (2, 3, 3.0)
    assert group.ms == pytest.approx(5.0)


def test_scores_of_parts_keep_their_columns(now):
    class Counting(FakeScorer):
        def finish(self, prepared, logits):
            tokens = np.array([len(text) for text in prepared.texts], np.int64)
            return Scored.of(logits, tokens=tokens)

    batcher = batcher_of(Counting(), now, group_ms=3.0)
    work = Work(
        Request("q", TEXTS),
        work_of("q", TEXTS, now)._slices,
        lambda scored: scored.tokens.tolist(),
        now=now,
    )
    batcher.submit([work])
    run(batcher)
    assert work.future.result(0) == list(map(len, TEXTS))
