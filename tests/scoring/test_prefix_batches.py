"""Batches behind a prefix: nothing of a sequence is lost, and no request has another's prefix."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from secondpass.engine.contract import Policy
from secondpass.scoring.pairs import Pair
from secondpass.scoring.prefixes import LEAST_SAVED, MOST_SEEN, common_prefix, prefix_batches

PADDING = 0


def pair(head, text):
    ids = np.array([*head, *text], np.int32)
    return Pair(ids, np.zeros_like(ids), head=len(head))


POLICY = Policy(max_tokens=400, prefixes=True)


def batches(requests, policy=POLICY, limit=600):
    pairs = [one for request in requests for one in request]
    numbers = np.repeat(np.arange(len(requests)), [len(one) for one in requests])
    return pairs, prefix_batches(pairs, numbers, policy, padding_id=PADDING, length_limit=limit)


def laid_out(batch):
    """Yield position and all ids of each row."""
    before = [] if batch.prefix is None else batch.prefix.tolist()
    ids, mask = batch.columns["input_ids"], batch.columns["attention_mask"].astype(bool)
    for row, position in enumerate(batch.positions):
        yield int(position), [*before, *ids[row][mask[row]].tolist()]


def test_what_all_have_in_common_before_their_texts():
    head = [5, 6, 7, 8]
    assert common_prefix([pair(head, [1]), pair(head, [2])], PADDING).tolist() == head
    # Equal beginnings of texts are the texts' own.
    assert common_prefix([pair(head, [1, 2]), pair(head, [1, 3])], PADDING).tolist() == head
    # A frame's last token may be another beside another text.
    assert common_prefix([pair([5, 6, 7, 9], [1]), pair(head, [1])], PADDING).tolist() == [5, 6, 7]
    assert common_prefix([pair([5, 6], [7, 1]), pair(head, [1])], PADDING).tolist() == [5, 6]
    assert common_prefix([pair([9, 6], [1]), pair(head, [1])], PADDING).tolist() == []


def test_the_last_token_that_is_scored_stays_behind_the_prefix():
    head = [5, 6, 7]
    assert common_prefix([pair(head, []), pair(head, [1])], PADDING).tolist() == [5, 6]
    assert common_prefix([pair(head, [PADDING]), pair(head, [1])], PADDING).tolist() == [5, 6]
    assert common_prefix([pair([PADDING], [PADDING]), pair([PADDING], [1])], PADDING).size == 0


def test_a_request_has_its_own_prefix():
    first, second = [7] * 40, [7] * 39 + [8]
    requests = [[pair(head, [at, 1]) for at in range(1, 9)] for head in (first, second)]
    _, made = batches(requests)
    assert [batch.prefix.tolist() for batch in made] == [first, second]
    assert [batch.padded_length for batch in made] == [16, 16]


def test_what_saves_too_little_is_left_whole():
    rows = 1 + -(-LEAST_SAVED // 32)
    for head, count, shared in [(32, rows, 32), (32, rows - 1, 0), (200, 1, 0), (0, 50, 0)]:
        _, made = batches([[pair([7] * head, [at, 1]) for at in range(1, count + 1)]])
        assert {0 if batch.prefix is None else len(batch.prefix) for batch in made} == {shared}
    # The other streams of the engine wait for a prefix.
    policy = Policy(streams=4, prefixes=True)
    _, made = batches([[pair([7] * 200, [at]) for at in (1, 2, 3, 4)]], policy)
    assert all(batch.prefix is None for batch in made)


def test_a_padded_row_is_no_longer_than_the_limit():
    _, made = batches([[pair([7] * 40, [1] * size) for size in (3, 4, 5, 60)]], limit=101)
    assert max(len(batch.prefix) + batch.padded_length for batch in made) <= 101


def test_many_short_texts_behind_a_long_prefix_are_bounded():
    policy = Policy(max_tokens=256, prefixes=True)
    texts = [[at % 3 + 1, 1] for at in range(100)] + [[1] * 100] * 3
    pairs, made = batches([[pair([7] * 1000, text) for text in texts]], policy, limit=2000)
    for batch in made:
        rows = len(batch.positions)
        assert rows * batch.padded_length <= 256
        assert rows * (1000 + batch.padded_length) <= MOST_SEEN * 256
    assert sum(len(batch.positions) for batch in made) == len(pairs)


@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(1, 3), min_size=1, max_size=60),
            st.lists(st.lists(st.integers(0, 3), max_size=12), min_size=1, max_size=9),
        ),
        min_size=1,
        max_size=5,
    ),
    st.integers(1, 4),
    st.integers(1, 300),
)
def test_every_sequence_is_there_once_and_whole(given_requests, streams, most):
    requests = [[pair(head, text) for text in texts] for head, texts in given_requests]
    policy = Policy(max_tokens=most, streams=streams, prefixes=True)
    pairs, made = batches(requests, policy)
    found = dict(row for batch in made for row in laid_out(batch))
    assert sum(len(batch.positions) for batch in made) == len(pairs)
    assert found == {at: one.ids.tolist() for at, one in enumerate(pairs)}
    for batch in made:
        assert batch.prefix is None or len(batch.prefix)
        assert (batch.prefix is None) or (batch.lengths > 0).all()
