import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass.engine.contract import Policy
from secondpass.scoring.batches import balanced, make_batches, restore_order
from secondpass.scoring.pairs import Pair

LENGTHS = st.lists(st.integers(1, 512), min_size=1, max_size=80)


def pairs_of(lengths):
    return [Pair(np.arange(1, n + 1, dtype=np.int32), np.ones(n, np.int32)) for n in lengths]


def batches_of(lengths, budget=2048, limit=512, **policy):
    wanted = Policy(max_tokens=budget, **policy)
    return make_batches(pairs_of(lengths), wanted, padding_id=0, length_limit=limit)


def shapes_of(batches):
    return [batch.columns["input_ids"].shape for batch in batches]


@given(LENGTHS, st.integers(1, 4096))
def test_every_sequence_is_in_exactly_one_batch_whole_and_masked(lengths, budget):
    seen = []
    for batch in batches_of(lengths, budget):
        columns = batch.columns
        for position, length, ids, mask in zip(
            batch.positions,
            batch.lengths,
            columns["input_ids"],
            columns["attention_mask"],
            strict=True,
        ):
            seen.append(int(position))
            assert mask.sum() == length == lengths[position]
            assert ids[mask == 1].tolist() == list(range(1, lengths[position] + 1))
            assert not ids[mask == 0].any()
    assert sorted(seen) == list(range(len(lengths)))


@given(LENGTHS, st.integers(1, 4096))
def test_budget_counts_padded_tokens_and_only_a_lone_row_may_exceed_it(lengths, budget):
    for batch in batches_of(lengths, budget):
        assert batch.columns["input_ids"].size <= budget or len(batch.positions) == 1


@given(LENGTHS)
def test_restore_order_undoes_make_batches(lengths):
    batches = batches_of(lengths)
    rows = [batch.lengths[:, None].astype(np.float32) for batch in batches]
    assert restore_order(batches, rows)[:, 0].tolist() == lengths


def test_longest_come_first_and_padding_is_to_a_multiple_within_the_limit():
    batches = batches_of([5, 500, 30], budget=600, limit=505)
    assert shapes_of(batches) == [(1, 505), (2, 32)]
    assert [batch.positions.tolist() for batch in batches] == [[1], [2, 0]]
    assert shapes_of(batches_of([30])) == [(1, 32)]
    assert shapes_of(batches_of([30], length_multiple=50)) == [(1, 50)]
    assert shapes_of(batches_of([510], limit=511)) == [(1, 511)]


def test_equal_lengths_keep_the_order_of_the_input():
    (batch,) = batches_of([7] * 10)
    assert batch.positions.tolist() == list(range(10))


@pytest.mark.parametrize("streams", [1, 2, 4])
def test_a_few_texts_are_shared_out_over_the_streams(streams):
    lengths = [100] * 12
    budget = balanced(Policy(2048, streams=streams), lengths).max_tokens
    assert budget <= 2048
    assert len(batches_of(lengths, budget)) >= streams


def test_plenty_to_do_fills_the_budget():
    lengths = [240] * 1000
    assert balanced(Policy(2048, streams=2), lengths).max_tokens == 2048


@given(LENGTHS, st.integers(1, 4096), st.integers(1, 8))
def test_the_balanced_budget_is_positive_and_never_more_than_allowed(lengths, most, streams):
    assert 1 <= balanced(Policy(most, streams=streams), lengths).max_tokens <= most


def test_where_padding_costs_nothing_the_budget_counts_real_tokens():
    batches = batches_of([60, 20, 10, 10], budget=100, pads=False)
    assert [batch.lengths.tolist() for batch in batches] == [[60, 20, 10, 10]]
    batches = batches_of([60, 20, 10, 11], budget=100, pads=False)
    assert [batch.lengths.tolist() for batch in batches] == [[60, 20, 11], [10]]
    assert len(batches_of([200, 1], budget=100, pads=False)) == 2
