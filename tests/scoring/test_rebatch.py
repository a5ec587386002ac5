import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from secondpass.engine.contract import Policy
from secondpass.scoring.batches import make_batches
from secondpass.scoring.pairs import Pair
from secondpass.scoring.rebatch import rebatch, with_states


def batches_of(lengths, budget=96):
    """Batches whose ids, states and scores tell of which text and token they are."""
    pairs = [
        Pair(np.arange(1, n + 1, dtype=np.int32) + 100 * at, np.ones(n, np.int32))
        for at, n in enumerate(lengths)
    ]
    batches = make_batches(pairs, Policy(budget), padding_id=0, length_limit=64)
    return [
        with_states(
            rows,
            {
                "state": np.repeat(rows.columns["input_ids"][:, :, None], 2, 2).astype(np.float32),
                "score": rows.positions[:, None].astype(np.float32),
            },
        )
        for rows in batches
    ]


@given(
    st.lists(st.tuples(st.integers(3, 64), st.booleans()), min_size=1, max_size=20),
    st.integers(1, 4),
)
def test_each_that_stays_is_there_once_with_its_own_tokens_and_padding(texts, streams):
    lengths, staying = zip(*texts, strict=True)
    before = batches_of(lengths)
    after = rebatch(before, np.array(staying), Policy(streams=streams))
    kept = sorted(int(position) for rows in after for position in rows.positions)
    assert kept == [at for at, stays in enumerate(staying) if stays]
    for rows in after:
        assert rows.padded_length <= max(one.padded_length for one in before)
        assert len(rows.positions) * rows.padded_length <= max(
            len(one.positions) * one.padded_length for one in before
        )
        for row, at in enumerate(rows.positions):
            own = np.zeros(rows.padded_length, np.float32)
            own[: lengths[at]] = np.arange(1, lengths[at] + 1) + 100 * at
            assert rows.columns["input_ids"][row].tolist() == own.tolist()
            assert rows.columns["state"][row, :, 1].tolist() == own.tolist()
            assert rows.columns["attention_mask"][row].sum() == lengths[at]
            assert rows.columns["score"][row].tolist() == [at]


def test_the_batches_of_a_stage_merge_and_lose_padding():
    before = batches_of([60, 60, 20, 18, 17, 16])
    assert [rows.padded_length for rows in before] == [64, 64, 32, 16]
    after = rebatch(before, np.array([False, False, True, False, True, True]), Policy())
    assert [rows.positions.tolist() for rows in after] == [[2, 4], [5]]
    assert [rows.padded_length for rows in after] == [32, 16]


def test_states_of_an_earlier_stage_are_not_carried_along():
    (rows,) = batches_of([5])
    assert set(with_states(rows, {"later": np.zeros((1, 5, 2))}).columns) == {
        "input_ids", "attention_mask", "token_type_ids", "later",
    }  # fmt: skip
