"""The cost line and the pace against numbers worked out by hand."""

import math
from dataclasses import replace

import pytest

from secondpass.cost.calibrate import Measured, calibrate, text_cost
from secondpass.cost.line import Cost
from secondpass.cost.text_cost import TextCost
from secondpass.deadline.budget import Budget
from secondpass.deadline.slowdown import Slowdown
from secondpass.errors import InputError
from secondpass.options.call import RankOptions
from secondpass.scoring.scored import Scored
from secondpass.scoring.stats import Stats

# Of 4 bytes one token; 10 tokens cost 1 ms + attention 0.001 * 100 = 0.1 ms.
COST = TextCost(
    Cost(call_ms=2.0, candidate_ms=0.0, token_ms=0.1, attention_ms=0.001),
    byte_ms=0.01,
    tokens_per_byte=0.25,
    max_length=20,
    streams=2,
)


def test_a_text_costs_its_bytes_tokens_and_attention():
    # 40 bytes are 10 tokens: 0.4 + 1.0 + 0.1.
    assert COST.text_ms("x" * 40, 0) == pytest.approx(1.5)
    # The query's 5 tokens are read with it: 15 tokens are 1.5 + 0.225.
    assert COST.query_tokens("q" * 20) == 5
    assert COST.text_ms("x" * 40, 5) == pytest.approx(0.4 + 1.5 + 0.225)


def test_no_more_than_max_length_is_read_but_all_is_tokenized():
    assert COST.text_ms("x" * 1000, 0) == pytest.approx(10 + 2.0 + 0.4)


def test_of_a_selected_text_so_many_tokens_are_read():
    # 250 tokens, of which 10 are read beside the query's 5: 10 + 1.5 + 0.225.
    selecting = replace(COST, select_tokens=10)
    assert selecting.text_ms("x" * 1000, 5) == pytest.approx(10 + 1.5 + 0.225)
    assert selecting.text_ms("x" * 36, 5) == COST.text_ms("x" * 36, 5)
    # Never more than fit.
    assert replace(COST, select_tokens=30).text_ms("x" * 1000, 5) == COST.text_ms("x" * 1000, 5)


def test_bytes_count_not_characters():
    assert COST.text_ms("é" * 20, 0) == COST.text_ms("x" * 40, 0)


def test_one_text_keeps_one_stream_busy_and_leaves_the_other_idle():
    # Alone 1.5 ms take both streams' time, 3.0; of three equal ones the sum, 4.5.
    assert COST.together_ms([1.5]) == pytest.approx(2 + 3.0)
    assert COST.together_ms([1.5] * 3) == pytest.approx(2 + 4.5)


def test_fitting_takes_as_many_as_the_limit_allows():
    texts = ["x" * 40] * 10
    assert COST.fitting("", texts, 0, 10, 6.4) == (2, pytest.approx(5.0))
    assert COST.fitting("", texts, 0, 10, 6.6) == (3, pytest.approx(6.5))
    assert COST.fitting("", texts, 4, 10, 6.6) == (7, pytest.approx(6.5))
    assert COST.fitting("", texts, 0, 2, 100) == (2, pytest.approx(5.0))
    assert COST.fitting("", texts, 8, 10, 100) == (10, pytest.approx(5.0))
    assert COST.fitting("", texts, 0, 10, 4.9) == (0, 0.0)


def test_what_a_cache_knows_costs_next_to_nothing():
    texts = ["x" * 1000, "x" * 40, "x" * 40, "x" * 1000]
    # The two in the middle are read: 2 ms for the block, 1.5 each, and 0.01 to look up the others.
    known = {0, 3}
    assert COST.fitting("", texts, 0, 10, 6.0, known) == (4, pytest.approx(2 + 3.0 + 0.02))
    # A block of known texts is none for the engine.
    assert COST.fitting("", texts, 0, 1, 6.0, known) == (1, pytest.approx(0.01))
    assert COST.fitting("", texts, 3, 1, 6.0) == (3, 0.0)


def test_fit_finds_the_line_that_the_measurements_were_made_with():
    """Made with block 2, token 0.1, attention 0.001: 10 tokens 1.1, 100 tokens 20 a text."""
    one = Measured(texts=1, bytes=40, tokens=10, ms=2 + 2 * 1.1, tokenize_ms=0.4)
    short = Measured(texts=10, bytes=400, tokens=100, ms=2 + 11.0, tokenize_ms=4.0)
    long = Measured(texts=3, bytes=1200, tokens=300, ms=2 + 60.0, tokenize_ms=12.0)
    cost = text_cost(one, short, long, streams=2, max_length=512)
    assert cost.line.token_ms == pytest.approx(0.1)
    assert cost.line.attention_ms == pytest.approx(0.001)
    assert cost.line.call_ms == pytest.approx(2.0)
    assert cost.byte_ms == pytest.approx(0.01)
    assert cost.tokens_per_byte == pytest.approx(0.25)


@pytest.mark.parametrize("times", [(4.2, 50.0, 62.0), (40.0, 13.0, 62.0), (0.0, 0.0, 0.0)])
def test_fit_of_disturbed_measurements_is_never_below_zero(times):
    counts = ((1, 40, 10), (10, 400, 100), (3, 1200, 300))
    blocks = [Measured(*count, ms, 0.0) for count, ms in zip(counts, times, strict=True)]
    line = text_cost(*blocks, streams=2, max_length=512).line
    assert line.attention_ms >= 0
    assert line.token_ms > 0
    assert line.call_ms > 0


def test_texts_that_are_all_cut_to_one_length_say_nothing_of_attention():
    one = Measured(texts=1, bytes=40, tokens=10, ms=4.2, tokenize_ms=0.0)
    short = Measured(texts=10, bytes=400, tokens=100, ms=13.0, tokenize_ms=0.0)
    # A model whose max_length cuts the long texts to the short ones' length.
    same = text_cost(one, short, short, streams=2, max_length=10)
    assert same.line.attention_ms == 0


def test_the_pace_before_anything_is_known():
    """25 ms may take 2.5 ms more, and what may take 27.5 ms is a cost of 25."""
    slowdown = Slowdown(lambda: 0.0)
    assert slowdown.pace().allowed_ms(25.0) == pytest.approx(27.5)
    assert slowdown.pace().affordable_ms(27.5) == pytest.approx(25.0)
    assert slowdown.pace().affordable_ms(0.0) == slowdown.pace().affordable_ms(-3.0) == 0.0


def test_the_newest_block_counts_by_its_length():
    """5 ms of cost count 0.5 * 5 / 10 = a quarter: from 1 by a quarter of the way to 3."""
    slowdown = Slowdown(lambda: 0.0)
    slowdown.observe(5.0, 15.0)
    margin = (15 - 5) / math.sqrt(5)
    assert slowdown.pace().allowed_ms(20.0) == pytest.approx(1.5 * 20 + margin * math.sqrt(20))


@pytest.mark.parametrize("left_ms", [0.01, 1.0, 20.0, 1000.0])
def test_affordable_is_the_inverse_of_allowed(left_ms):
    slowdown = Slowdown(lambda: 0.0)
    for measured in (4.0, 9.0, 30.0, 6.0):
        slowdown.observe(5.0, measured)
    assert slowdown.pace().allowed_ms(slowdown.pace().affordable_ms(left_ms)) == pytest.approx(
        left_ms
    )


def test_the_margin_covers_all_but_one_in_twenty_and_forgets():
    slowdown = Slowdown(lambda: 0.0)
    for _ in range(63):
        slowdown.observe(4.0, 4.0)
    slowdown.observe(4.0, 400.0)
    for _ in range(20):
        slowdown.observe(4.0, 4.0)
    assert slowdown.pace().allowed_ms(4.0) < 10
    for _ in range(64):
        slowdown.observe(4.0, 4.0)
    assert slowdown.pace().allowed_ms(4.0) == pytest.approx(4.0, abs=0.1)


def test_a_measurement_is_stale_after_a_second():
    time = [0.0]
    slowdown = Slowdown(lambda: time[0])
    # What an idle machine takes says nothing of how busy it is.
    assert slowdown.pace().stale
    slowdown.observe(1.0, 1.0)
    time[0] = 0.9
    assert not slowdown.pace().stale
    time[0] = 1.1
    assert slowdown.pace().stale
    slowdown.observe(1.0, 1.0)
    assert not slowdown.pace().stale


def test_a_budget_counts_down():
    time = [10.0]
    budget = Budget.start(50.0, lambda: time[0])
    time[0] = 10.02
    assert budget.left_ms() == pytest.approx(30.0)
    time[0] = 10.06
    assert budget.left_ms() == pytest.approx(-10.0)


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), "50", True, [50], 10**400])
def test_a_budget_is_a_finite_number_above_zero(value):
    with pytest.raises(InputError, match=r"budget_ms is .*above 0"):
        RankOptions(budget_ms=value)


def test_no_budget_is_no_limit():
    assert RankOptions().budget_ms is None
    assert RankOptions(budget_ms=50).budget_ms == 50.0


def test_a_text_in_windows_costs_each_of_them():
    whole = replace(COST, max_length=100, tokens_per_byte=1.0, byte_ms=0.0)
    windowed = replace(whole, stride=50)
    # 10 tokens of the query, 290 of the text: 200 beyond the first window, by 50 four more.
    assert windowed.text_ms("x" * 290, 10) == pytest.approx(5 * whole.line.each_ms(100))
    assert whole.text_ms("x" * 290, 10) == pytest.approx(whole.line.each_ms(100))
    assert windowed.text_ms("x" * 20, 10) == pytest.approx(whole.line.each_ms(30))


@pytest.mark.parametrize("start_ms", [1_000.0, 5_000.0])
def test_the_round_that_starts_the_engine_is_not_what_a_block_costs(start_ms):
    """However long it takes, there is another."""
    time, calls = [0.0], []

    def score(query, texts):
        time[0] += (start_ms if len(calls) < 3 else 5.0) / 1000
        calls.append(len(texts))
        return Scored.of([0.0] * len(texts), Stats(tokens=20 * len(texts)))

    cost = calibrate(score, streams=2, max_length=512, now=lambda: time[0])
    assert len(calls) == 6
    assert cost.line.p50_ms(1, 20) < 20
