"""The loop over blocks in a world where every cost is known; no real time passes."""

import pytest
from fake_world import World
from hypothesis import given, settings
from hypothesis import strategies as st

from secondpass.scoring.clock import StageClock
from secondpass.scoring.selection import Scored, Selection

lengths = st.lists(st.integers(0, 3000), max_size=60)
slowness = st.lists(st.floats(0.2, 30), min_size=1, max_size=8)


def read(world, reader, texts, budget_ms, query="q", find_known=None):
    budget = reader.start(budget_ms, world.score)
    blocks = reader.read(
        budget, query, texts, world.score, StageClock(), hits=10, find_known=find_known
    )
    return Scored.joined(blocks), budget


@settings(deadline=None, max_examples=80)
@given(lengths, slowness, st.floats(0.1, 500), st.sampled_from([None, 1, 3, 10]))
def test_no_candidate_is_lost_or_repeated_whatever_the_machine_does(
    sizes, factors, budget_ms, top_k
):
    world = World(slowness=lambda block: factors[block % len(factors)])
    reader = world.reader()
    texts = ["x" * size for size in sizes]
    for _ in range(3):
        scored, budget = read(world, reader, texts, budget_ms)
        count = len(scored.scores)
        # What was read are the first ones, each once, in their order.
        assert scored.scores.tolist() == list(range(count))
        assert budget.left_ms() >= -1e-6
        hits = Selection.checked(top_k=top_k).select(texts, scored, None).hits
        everything = list(range(count))[::-1] + list(range(count, len(texts)))
        assert [hit.index for hit in hits] == everything[:top_k]
        assert [hit.reranked for hit in hits] == [hit.index < count for hit in hits]
        assert all((hit.score is None) == (not hit.reranked) for hit in hits)


def test_a_steady_machine_uses_most_of_the_budget_and_leaves_nothing_late():
    """A text of 400 bytes is 100 tokens, 1 ms here: 50 ms read at most 50."""
    world = World()
    reader = world.reader()
    counts = [len(read(world, reader, ["x" * 400] * 100, 50)[0].scores) for _ in range(20)]
    assert world.late == 0
    assert min(counts[5:]) >= 35
    assert max(counts) <= 49


def test_time_enough_reads_all():
    world = World()
    scored, budget = read(world, world.reader(), ["x" * 400] * 100, 1000)
    assert len(scored.scores) == 100
    assert budget.left_ms() > 700


@pytest.mark.parametrize("budget_ms", [0.001, 0.3, 0.6])
def test_a_budget_too_small_for_one_text_reads_none(budget_ms):
    world = World()
    scored, budget = read(world, world.reader(), ["x" * 400] * 5, budget_ms)
    assert len(scored.scores) == 0
    assert world.scored == []
    assert budget.left_ms() == budget_ms


def test_a_very_long_text_stops_the_reading_before_it_is_tokenised():
    """Tokenising costs by the whole length, whatever is read of it."""
    world = World()
    plain = world.score

    def score(queries, texts, start, clock):
        with clock.time("tokenise_ms"):
            pass
        world.wait(sum(map(len, texts)) * 1e-4)
        clock._spent["tokenise_ms"] = sum(map(len, texts)) * 1e-4
        return plain(queries, texts, start, clock)

    world.score = score
    reader = world.reader()
    texts = [*["x" * 400] * 3, "x" * 1_000_000, *["x" * 400] * 3]
    scored, budget = read(world, reader, texts, 50)
    assert len(scored.scores) == 3
    assert budget.left_ms() > 40


def test_a_machine_that_gets_slow_within_a_call_is_noticed_in_it():
    """Ten times slower from the second block on: late once at most, and later calls read less."""
    world = World(slowness=lambda block: 1.0 if block < 2 else 10.0)
    reader = world.reader()
    first, budget = read(world, reader, ["x" * 400] * 200, 100)
    assert 0 < len(first.scores) < 100
    assert budget.left_ms() >= 0
    assert world.late <= 1
    for _ in range(6):
        read(world, reader, ["x" * 400] * 200, 100)
    world.late = 0
    second, _ = read(world, reader, ["x" * 400] * 200, 100)
    assert world.late == 0
    assert 3 <= len(second.scores) <= 10


def test_a_machine_that_got_quiet_again_is_found_so_after_a_second():
    busy = [True]
    world = World(slowness=lambda block: 50.0 if busy[0] else 1.0)
    busy[0] = False
    reader = world.reader()
    busy[0] = True
    texts = ["x" * 400] * 50
    for _ in range(20):
        read(world, reader, texts, 20)
    assert len(read(world, reader, texts, 20)[0].scores) == 0
    busy[0] = False
    assert len(read(world, reader, texts, 20)[0].scores) == 0  # it cannot know yet
    for _ in range(60):
        world.wait(1100)
        found = len(read(world, reader, texts, 20)[0].scores)
    assert found >= 8


def test_waiting_for_a_thread_counts_as_time_of_the_block():
    world = World()
    reader = world.reader()
    plain = world.within

    def crowded(left_ms, work):
        world.wait(30)
        return plain(left_ms - 30, work)

    world.within = crowded
    counts = [len(read(world, reader, ["x" * 400] * 100, 50)[0].scores) for _ in range(10)]
    world.late = 0
    counts = [len(read(world, reader, ["x" * 400] * 100, 50)[0].scores) for _ in range(10)]
    assert world.late <= 1
    assert max(counts) <= 20


def test_an_error_of_the_model_is_the_callers():
    world = World()
    reader = world.reader()

    def broken(queries, texts, start, clock):
        raise ValueError("broken")

    budget = reader.start(50, world.score)
    with pytest.raises(ValueError, match="broken"):
        reader.read(budget, "q", ["x"], broken, StageClock(), hits=1)


def test_late_blocks_are_in_no_timing():
    world = World()
    reader = world.reader()
    world.slowness = lambda block: 100.0
    clock = StageClock()
    reader.read(reader.start(50, world.score), "q", ["x" * 400] * 50, world.score, clock, hits=10)
    assert world.late == 1
    assert clock.timings().candidates == 0
    assert clock.timings().tokens == 0


def test_blocks_are_never_larger_than_may_be_in_memory():
    world = World()
    reader = world.reader(most_texts=7)
    scored, _ = read(world, reader, ["x" * 40] * 100, 1000)
    assert len(scored.scores) == 100
    assert max(stop - start for start, stop in world.scored) == 7


def test_what_waking_up_takes_is_kept_back():
    """The guard comes back 8 ms late: a stalled block is cut that much sooner."""
    world = World()
    plain = world.within

    def sleepy(left_ms, work):
        answer = plain(left_ms, work)
        world.wait(8)
        return answer

    world.within = sleepy
    reader = world.reader()
    texts = ["x" * 400] * 100
    for _ in range(5):
        read(world, reader, texts, 100)
    world.late = 0
    world.slowness = lambda block: 1000.0
    _, budget = read(world, reader, texts, 100)
    assert world.late == 1
    assert 0 <= budget.left_ms() < 1


def test_what_a_cache_knows_is_not_priced_as_if_it_were_read():
    """Sixty known texts, then forty of 1 ms: 30 ms are enough for the known and half the others."""
    world = World()
    reader = world.reader()
    texts = [f"{at:3} " + "x" * 396 for at in range(100)]
    world.cached = set(texts[:60])
    scored, budget = read(world, reader, texts, 30, find_known=world.knows)
    # Half of the time for the first block, in which are all that are known.
    assert world.scored[0][0] == 0
    assert 70 <= world.scored[0][1] <= 75
    assert 80 <= len(scored.scores) < 90
    assert world.late == 0
    assert budget.left_ms() >= 0


def test_a_known_text_too_long_for_the_budget_does_not_stop_the_reading():
    world = World(block_ms=2.0)
    reader = world.reader(max_length=100_000)
    texts = ["y" * 100_000, "x" * 400, "x" * 400]
    assert len(read(world, reader, texts, 30)[0].scores) == 0
    world.cached = {texts[0]}
    assert len(read(world, reader, texts, 30)[0].scores) == 0
    assert len(read(world, reader, texts, 30, find_known=world.knows)[0].scores) == 3


def test_only_the_texts_ahead_are_looked_up():
    world = World()
    reader = world.reader(most_texts=10)
    asked = []

    def knows(queries, texts):
        asked.append(len(texts))
        return world.knows(queries, texts)

    texts = [str(at) for at in range(1000)]
    world.cached = set(texts[:25])
    scored, _ = read(world, reader, texts, 2, find_known=knows)
    assert 25 <= len(scored.scores) < 100
    assert sum(asked) <= len(scored.scores) + 10


def test_a_cache_that_is_slow_ends_the_reading_in_time():
    world = World()
    reader = world.reader()

    def slow(queries, texts):
        world.wait(2000)
        return [True] * len(texts)

    scored, budget = read(world, reader, ["x" * 400] * 5, 50, find_known=slow)
    assert len(scored.scores) == 0
    assert budget.left_ms() >= -1e-6


def test_a_block_half_known_tells_how_busy_the_machine_is():
    """Ten times slower: the next call begins less, though half of what it read was cached."""
    world = World()
    reader = world.reader()
    world.slowness = lambda block: 10.0
    texts = [f"{at:3} " + "x" * 396 for at in range(200)]
    world.cached = set(texts[::2])
    for _ in range(5):
        read(world, reader, texts, 100, find_known=world.knows)
    world.late = 0
    scored, _ = read(world, reader, texts, 100, find_known=world.knows)
    assert world.late == 0
    # 10 ms each: under ten are read, and as many are known.
    assert 8 <= len(scored.scores) <= 20


@settings(deadline=None, max_examples=60)
@given(lengths, st.sets(st.integers(0, 59)), st.floats(0.1, 200))
def test_a_cache_loses_and_repeats_nothing(sizes, cached, budget_ms):
    world = World()
    reader = world.reader()
    texts = [f"{at} " + "x" * size for at, size in enumerate(sizes)]
    world.cached = {texts[at] for at in cached if at < len(texts)}
    scored, budget = read(world, reader, texts, budget_ms, find_known=world.knows)
    assert scored.scores.tolist() == list(range(len(scored.scores)))
    assert budget.left_ms() >= -1e-6
