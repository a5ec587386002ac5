import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass.scoring.batches import LENGTH_MULTIPLE, balanced_budget, make_batches, restore_order
from secondpass.scoring.pairs import Pair

LENGTHS = st.lists(st.integers(1, 512), min_size=1, max_size=80)


def pairs_of(lengths):
    return [Pair(np.arange(1, n + 1, dtype=np.int32), np.ones(n, np.int32)) for n in lengths]


def batches_of(lengths, budget=2048, limit=512):
    return make_batches(
        pairs_of(lengths), max_batch_tokens=budget, padding_id=0, length_limit=limit
    )


@given(LENGTHS, st.integers(1, 4096))
def test_every_sequence_is_in_exactly_one_batch_whole_and_masked(lengths, budget):
    seen = []
    for batch in batches_of(lengths, budget):
        for position, ids, mask in zip(
            batch.positions, batch.input_ids, batch.attention_mask, strict=True
        ):
            seen.append(int(position))
            assert mask.sum() == lengths[position]
            assert ids[mask == 1].tolist() == list(range(1, lengths[position] + 1))
            assert not ids[mask == 0].any()
    assert sorted(seen) == list(range(len(lengths)))


@given(LENGTHS, st.integers(1, 4096))
def test_budget_counts_padded_tokens_and_only_a_lone_row_may_exceed_it(lengths, budget):
    for batch in batches_of(lengths, budget):
        assert batch.input_ids.size <= budget or len(batch.positions) == 1


@given(LENGTHS)
def test_restore_order_undoes_make_batches(lengths):
    batches = batches_of(lengths)
    rows = [batch.attention_mask.sum(axis=1, keepdims=True).astype(np.float32) for batch in batches]
    assert restore_order(batches, rows)[:, 0].tolist() == lengths


def test_longest_come_first_and_padding_is_to_a_multiple_within_the_limit():
    batches = batches_of([5, 500, 30], budget=600, limit=505)
    assert [batch.input_ids.shape for batch in batches] == [(1, 505), (2, 32)]
    assert [batch.positions.tolist() for batch in batches] == [[1], [2, 0]]
    assert batches_of([30])[0].input_ids.shape == (1, 2 * LENGTH_MULTIPLE)
    assert batches_of([510], limit=511)[0].input_ids.shape == (1, 511)


def test_equal_lengths_keep_the_order_of_the_input():
    (batch,) = batches_of([7] * 10)
    assert batch.positions.tolist() == list(range(10))


@pytest.mark.parametrize("streams", [1, 2, 4])
def test_a_few_texts_are_shared_out_over_the_streams(streams):
    lengths = [100] * 12
    budget = balanced_budget(lengths, max_batch_tokens=2048, streams=streams)
    assert budget <= 2048
    assert len(batches_of(lengths, budget)) >= streams


def test_plenty_to_do_fills_the_budget():
    lengths = [240] * 1000
    assert balanced_budget(lengths, max_batch_tokens=2048, streams=2) == 2048


@given(LENGTHS, st.integers(1, 4096), st.integers(1, 8))
def test_the_balanced_budget_is_positive_and_never_more_than_allowed(lengths, most, streams):
    assert 1 <= balanced_budget(lengths, max_batch_tokens=most, streams=streams) <= most
