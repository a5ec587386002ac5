"""What fits is a decision of numbers alone: the expected blocks are worked out by hand."""

from secondpass.cost.line import Cost
from secondpass.cost.text_cost import TextCost
from secondpass.deadline.fitting import Block, next_block
from secondpass.deadline.slowdown import Pace

# A text of ten bytes is ten tokens and 1 ms; a block of its own costs 2 ms more.
COST = TextCost(
    Cost(call_ms=2.0, candidate_ms=0.0, token_ms=0.1, attention_ms=0.0),
    byte_ms=0.0,
    tokens_per_byte=1.0,
    max_length=1000,
    streams=1,
)
IDLE = Pace(factor=1.0, margin=0.0)
TEXTS = ["x" * 10] * 20


def block(left_ms, *, pace=IDLE, start=0, most=100, texts=TEXTS, cached=()):
    return next_block(
        COST, pace, "", texts, start, most=most, left_ms=left_ms, cached=frozenset(cached)
    )


def test_a_block_takes_half_of_what_is_left():
    assert block(14.5) == Block(0, 5, 7.0)
    assert block(14.5, start=17) == Block(17, 20, 5.0)


def test_the_last_block_takes_all_that_is_left():
    assert block(4.0) == Block(0, 2, 4.0)


def test_a_slow_machine_fits_less():
    assert block(14.5, pace=Pace(2.0, 0.0)) == Block(0, 1, 3.0)


def test_nothing_fits_and_nothing_is_left():
    assert block(2.5) == block(0.0) == block(-1.0) == Block(0, 0, 0.0)


def test_no_more_than_may_be_in_memory():
    assert block(1000.0, most=3).stop == 3


def test_cached_texts_cost_a_look_up():
    assert block(14.5, cached=range(10)) == Block(0, 15, 7.1)


def test_a_stale_pace_is_tried_with_one_text():
    busy = Pace(100.0, 0.0, stale=True)
    assert block(5.0, pace=busy) == Block(0, 1, 3.0)
    assert block(5.0, pace=busy._replace(stale=False)).stop == 0


def test_a_first_block_measures_the_pace_where_nothing_did_lately():
    unknown = IDLE._replace(stale=True)
    assert block(40.0, pace=unknown) == Block(0, 3, 5.0)
    # A call that has measured it goes on as with any other.
    assert block(40.0, pace=unknown._replace(of_call=IDLE)) == Block(0, 18, 20.0)
    # Where an eighth is too little for a text, half may be enough.
    assert block(14.5, pace=unknown) == Block(0, 5, 7.0)


def test_a_first_block_is_in_time_on_a_machine_that_is_five_times_slower():
    first = block(40.0, pace=IDLE._replace(stale=True))
    assert 0 < 5 * first.cost_ms < 40.0 < 5 * block(40.0).cost_ms
