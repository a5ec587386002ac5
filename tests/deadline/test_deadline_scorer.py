"""Scoring in time in a world where every cost is known; no real time passes."""

from contextlib import ExitStack

import pytest
from fake_world import World
from hypothesis import given, settings
from hypothesis import strategies as st

from secondpass.options.call import RankOptions
from secondpass.scoring.reading import read_at_first
from secondpass.scoring.scores import to_scores
from secondpass.scoring.selection import select

lengths = st.lists(st.integers(0, 3000), max_size=60)
slowness = st.lists(st.floats(0.2, 30), min_size=1, max_size=8)


@settings(deadline=None, max_examples=80)
@given(lengths, slowness, st.floats(0.1, 500), st.sampled_from([None, 1, 3, 10]))
def test_no_candidate_is_lost_or_repeated_whatever_the_machine_does(
    sizes, factors, budget_ms, top_k
):
    world = World(slowness=lambda block: factors[block % len(factors)])
    speed = world.speed()
    texts = [f"{number} " + "x" * size for number, size in enumerate(sizes)]
    for _ in range(3):
        scored, budget = world.score_in_time(speed, texts, budget_ms)
        count = len(scored.logits)
        # What was read are the first ones, each once, in their order.
        assert scored.logits.tolist() == list(range(count))
        assert budget.left_ms() >= -1e-6
        scores = to_scores(scored, len(texts), "identity", 0.0)
        hits = select(RankOptions(top_k=top_k), texts, scores, None).hits
        everything = list(range(count))[::-1] + list(range(count, len(texts)))
        assert [hit.index for hit in hits] == everything[:top_k]
        assert [hit.reranked for hit in hits] == [hit.index < count for hit in hits]
        assert all((hit.score is None) == (not hit.reranked) for hit in hits)


def test_a_steady_machine_uses_most_of_the_budget_and_leaves_nothing_late():
    """A text of 400 bytes is 100 tokens, 1 ms here: 50 ms read at most 50."""
    world = World()
    speed = world.speed()
    counts = [len(world.score_in_time(speed, ["x" * 400] * 100, 50)[0].logits) for _ in range(20)]
    assert world.late == 0
    assert min(counts[5:]) >= 35
    assert max(counts) <= 49


def test_time_enough_reads_all():
    world = World()
    scored, budget = world.score_in_time(world.speed(), ["x" * 400] * 100, 1000)
    assert len(scored.logits) == 100
    assert budget.left_ms() > 700


@pytest.mark.parametrize("budget_ms", [0.001, 0.3, 0.6])
def test_a_budget_too_small_for_one_text_reads_none(budget_ms):
    world = World()
    scored, budget = world.score_in_time(world.speed(), ["x" * 400] * 5, budget_ms)
    assert len(scored.logits) == 0
    assert world.scored == []
    assert budget.left_ms() == budget_ms


@pytest.mark.parametrize("unit", ["x", "é", "茶"])
def test_a_very_long_text_costs_what_is_read_of_it(unit):
    """Fifty million characters are priced as the beginning of them that is tokenized."""
    world = World()

    def tokenize(texts):
        spent_ms = sum(min(len(text), read_at_first(512)) for text in texts) * 1e-4
        world.wait(spent_ms)
        return spent_ms

    world.tokenize = tokenize
    speed = world.speed()
    world.tokens = lambda text: min(512, World.tokens(text))
    texts = [*["x" * 400] * 3, unit * 50_000_000, *["x" * 400] * 3]
    scored, budget = world.score_in_time(speed, texts, 100)
    assert len(scored.logits) == 7
    assert world.late == 0
    assert budget.left_ms() > 50


def test_a_text_too_long_for_the_budget_ends_the_scoring():
    world = World(max_length=100_000)
    speed = world.speed()
    texts = [*["x" * 400] * 3, "x" * 40_000, *["x" * 400] * 3]
    scored, budget = world.score_in_time(speed, texts, 50)
    assert len(scored.logits) == 3
    assert budget.left_ms() > 40


def test_a_machine_that_gets_slow_within_a_call_is_noticed_in_it():
    """Ten times slower from the second block on: late once at most, and later calls read less."""
    world = World(slowness=lambda block: 1.0 if block < 2 else 10.0)
    speed = world.speed()
    first, budget = world.score_in_time(speed, ["x" * 400] * 200, 100)
    assert 0 < len(first.logits) < 100
    assert budget.left_ms() >= 0
    assert world.late <= 1
    for _ in range(6):
        world.score_in_time(speed, ["x" * 400] * 200, 100)
    world.late = 0
    second, _ = world.score_in_time(speed, ["x" * 400] * 200, 100)
    assert world.late == 0
    assert 3 <= len(second.logits) <= 10


def test_a_machine_that_got_quiet_again_is_found_so_after_a_second():
    busy = [True]
    world = World(slowness=lambda block: 50.0 if busy[0] else 1.0)
    busy[0] = False
    speed = world.speed()
    busy[0] = True
    texts = ["x" * 400] * 50
    for _ in range(20):
        world.score_in_time(speed, texts, 20)
    assert len(world.score_in_time(speed, texts, 20)[0].logits) == 0
    busy[0] = False
    assert len(world.score_in_time(speed, texts, 20)[0].logits) == 0  # it cannot know yet
    for _ in range(60):
        world.wait(1100)
        found = len(world.score_in_time(speed, texts, 20)[0].logits)
    assert found >= 8


def test_waiting_for_a_thread_counts_as_time_of_the_block():
    world = World()
    speed = world.speed()
    plain = world.run

    def crowded(left_ms, work):
        world.wait(30)
        return plain(left_ms - 30, work)

    world.run = crowded
    counts = [len(world.score_in_time(speed, ["x" * 400] * 100, 50)[0].logits) for _ in range(10)]
    world.late = 0
    counts = [len(world.score_in_time(speed, ["x" * 400] * 100, 50)[0].logits) for _ in range(10)]
    assert world.late <= 1
    assert max(counts) <= 20


def test_an_error_of_the_model_is_the_callers():
    world = World()
    speed = world.speed()

    def broken(texts, logits):
        raise ValueError("broken")

    world.finish = broken
    with pytest.raises(ValueError, match="broken"):
        world.score_in_time(speed, ["x"], 50)


def test_late_blocks_are_in_no_timing():
    world = World()
    speed = world.speed()
    world.slowness = lambda block: 100.0
    scored, _ = world.score_in_time(speed, ["x" * 400] * 50, 50)
    assert world.late == 1
    assert len(scored) == 0
    assert (scored.stats.tokens, scored.stats.windows) == (0, 0)


def test_blocks_are_never_larger_than_may_be_in_memory():
    world = World(most=7)
    speed = world.speed()
    scored, _ = world.score_in_time(speed, ["x" * 40] * 100, 1000)
    assert len(scored.logits) == 100
    assert max(world.scored) == 7


def test_what_waking_up_takes_is_kept_back():
    """The guard comes back 8 ms late: a stalled block is cut that much sooner."""
    world = World()
    plain = world.run

    def sleepy(left_ms, work):
        answer = plain(left_ms, work)
        world.wait(8)
        return answer

    world.run = sleepy
    speed = world.speed()
    texts = ["x" * 400] * 100
    for _ in range(5):
        world.score_in_time(speed, texts, 100)
    world.late = 0
    world.slowness = lambda block: 1000.0
    _, budget = world.score_in_time(speed, texts, 100)
    assert world.late == 1
    assert 0 <= budget.left_ms() < 1


def test_what_a_cache_knows_is_not_priced_as_if_it_were_read():
    """Sixty known texts, then forty of 1 ms: 30 ms are enough for the known and half the others."""
    world = World()
    speed = world.speed()
    texts = [f"{at:3} " + "x" * 396 for at in range(100)]
    world.cached = set(texts[:60])
    world.score_in_time(speed, ["y" * 396], 30)  # how slow the machine is is known
    world.scored.clear()
    scored, budget = world.score_in_time(speed, texts, 30, find_known=world.knows)
    # Half of the time for the first block, in which are all that are known.
    assert 70 <= world.scored[0] <= 75
    assert 80 <= len(scored.logits) < 90
    assert world.late == 0
    assert budget.left_ms() >= 0


def test_a_known_text_too_long_for_the_budget_does_not_stop_the_reading():
    world = World(block_ms=2.0, max_length=100_000)
    speed = world.speed()
    texts = ["y" * 50_000, "x" * 400, "x" * 400]
    assert len(world.score_in_time(speed, texts, 30)[0].logits) == 0
    world.cached = {texts[0]}
    assert len(world.score_in_time(speed, texts, 30)[0].logits) == 0
    assert len(world.score_in_time(speed, texts, 30, find_known=world.knows)[0].logits) == 3


def test_only_the_texts_ahead_are_looked_up():
    world = World(most=10)
    speed = world.speed()
    asked = []

    def knows(query, texts):
        asked.append(len(texts))
        return world.knows(query, texts)

    texts = [str(at) for at in range(1000)]
    world.cached = set(texts[:25])
    scored, _ = world.score_in_time(speed, texts, 2, find_known=knows)
    assert 25 <= len(scored.logits) < 100
    assert sum(asked) <= len(scored.logits) + 10


def test_a_cache_that_is_slow_ends_the_reading_in_time():
    world = World()
    speed = world.speed()

    def slow(query, texts):
        world.wait(2000)
        return [True] * len(texts)

    scored, budget = world.score_in_time(speed, ["x" * 400] * 5, 50, find_known=slow)
    assert len(scored.logits) == 0
    assert budget.left_ms() >= -1e-6


def test_a_block_half_known_tells_how_busy_the_machine_is():
    """Ten times slower: the next call begins less, though half of what it read was cached."""
    world = World()
    speed = world.speed()
    world.slowness = lambda block: 10.0
    texts = [f"{at:3} " + "x" * 396 for at in range(200)]
    world.cached = set(texts[::2])
    for _ in range(5):
        world.score_in_time(speed, texts, 100, find_known=world.knows)
    world.late = 0
    scored, _ = world.score_in_time(speed, texts, 100, find_known=world.knows)
    assert world.late == 0
    # 10 ms each: under ten are read, and as many are known.
    assert 8 <= len(scored.logits) <= 20


@settings(deadline=None, max_examples=60)
@given(lengths, st.sets(st.integers(0, 59)), st.floats(0.1, 200))
def test_a_cache_loses_and_repeats_nothing(sizes, cached, budget_ms):
    world = World()
    speed = world.speed()
    texts = [f"{at} " + "x" * size for at, size in enumerate(sizes)]
    world.cached = {texts[at] for at in cached if at < len(texts)}
    scored, budget = world.score_in_time(speed, texts, budget_ms, find_known=world.knows)
    assert scored.logits.tolist() == list(range(len(scored.logits)))
    assert budget.left_ms() >= -1e-6


@pytest.mark.parametrize("slowness", [3.0, 8.0, 15.0])
def test_a_call_by_which_nothing_fits_tries_one_text_while_there_is_time(slowness):
    """A busy machine was learnt, and is quiet again at once: what is there is used at once."""
    world = World(slowness=lambda block: slowness)
    speed = world.speed()
    speed.slowdown.observe(1.0, 500.0)
    speed.slowdown.observe(100.0, 50_000.0)
    scored, budget = world.score_in_time(speed, ["x" * 400] * 50, 100)
    assert len(scored) >= 1
    assert budget.left_ms() >= -1e-6


def test_a_text_alone_that_was_late_is_not_tried_again_at_once():
    world = World()
    speed = world.speed()
    world.slowness = lambda block: 1000.0
    texts = ["x" * 400] * 50
    for _ in range(20):
        world.score_in_time(speed, texts, 50)
    assert world.scored.count(1) == 1
    assert world.late == len(world.scored)
    world.wait(150)
    _, budget = world.score_in_time(speed, texts, 50)
    assert budget.left_ms() == pytest.approx(0, abs=1)
    _, budget = world.score_in_time(speed, texts, 50)
    assert budget.left_ms() == 50
    begun = len(world.scored)
    world.score_in_time(speed, texts, 2000)  # that is more time than it had
    assert len(world.scored) > begun


def test_a_try_that_others_kept_waiting_is_repeated():
    world = World()
    speed = world.speed()
    world.slowness = lambda block: 1000.0
    with speed.in_flight():
        for _ in range(12):
            _, budget = world.score_in_time(speed, ["x" * 400] * 50, 50)
            assert budget.left_ms() < 1


@pytest.mark.parametrize("calls", [2, 4, 8])
def test_calls_at_the_same_time_share_the_machine(calls):
    """Each block waits for those of the others: every call reads its part, and none is late."""
    world = World(slowness=lambda block: float(calls))
    speed = World(slowness=lambda block: 1.0).speed()
    speed.now = world.now
    speed.slowdown._now = world.now
    with ExitStack() as others:
        for _ in range(calls - 1):
            others.enter_context(speed.in_flight())
        counts = [len(world.score_in_time(speed, ["x" * 400] * 200, 200)[0]) for _ in range(8)]
    assert world.late == 0
    assert min(counts) >= 200 / calls / 2
    # Alone again, a call has the whole of it, without anything to unlearn.
    world.slowness = lambda block: 1.0
    assert len(world.score_in_time(speed, ["x" * 400] * 300, 200)[0]) >= 140


@pytest.mark.parametrize("budget_ms", [1e13, 1e300, 1.7e308])
def test_a_budget_beyond_any_clock_reads_all(budget_ms):
    world = World()
    scored, budget = world.score_in_time(world.speed(), ["x" * 400] * 30, budget_ms)
    assert len(scored) == 30
    assert budget.left_ms() > 1e11


@pytest.mark.parametrize("start_ms", [300.0, 700.0, 900.0])
def test_something_is_tried_whatever_calibration_says_of_a_call(start_ms):
    """Blocks are priced at hundreds of milliseconds and take a fifth of one."""
    world = World(block_ms=start_ms)
    speed = world.speed()
    world.block_ms = 0.2
    texts = ["x" * 400] * 200
    counts = [len(world.score_in_time(speed, texts, 50)[0].logits) for _ in range(2)]
    assert min(counts) >= 1


@pytest.mark.parametrize("slower", [30.0, 100.0, 300.0])
def test_a_calibration_of_a_busy_machine_is_not_believed(slower):
    world = World(block_ms=0.2 * slower, token_ms=0.01 * slower)
    speed = world.speed()
    world.block_ms, world.token_ms = 0.2, 0.01
    texts = ["x" * 400] * 200
    counts = [len(world.score_in_time(speed, texts, 50)[0].logits) for _ in range(6)]
    assert min(counts) >= 1
    assert counts[-1] >= 20
