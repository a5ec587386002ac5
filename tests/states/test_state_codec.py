"""States as columns and back: what they lose, what they take, and which are another text's."""

from __future__ import annotations

import re

import numpy as np
import pytest
from compact_directions import drawn_directions

from secondpass.states import codec
from secondpass.states.codec import (
    STATE_COLUMNS,
    STATE_PRECISIONS,
    STATE_TYPES,
    encode,
    from_columns,
    to_columns,
)
from secondpass.states.compact import Directions, numpy_products

WIDTH = 12
DIRECTIONS = drawn_directions(WIDTH)
WIDE = Directions(np.zeros(384, np.float32), np.eye(272, 384, dtype=np.float32))
DOCUMENTED = [("int8", 384 + 6), ("float16", 2 * 384 + 4), ("compact", 98)]


def measured(states):
    return np.arange(len(states) + 1, dtype=np.float32)


def states_of(tokens, *, seed=0, scale=1.0):
    drawn = np.random.default_rng(seed).standard_normal((tokens, WIDTH))
    return (scale * drawn).astype(np.float32)


def columns_of(tokens=5, text="a text", precision="int8", identity="made by"):
    return to_columns(encode(states_of(tokens), precision, measured, DIRECTIONS), text, identity)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 40.0])
@pytest.mark.parametrize("tokens", [1, 2, 7])
def test_int8_is_wrong_by_half_a_step_at_most(tokens, scale):
    states = states_of(tokens, scale=scale)
    kept = from_columns(to_columns(encode(states, "int8", measured), "t", "i"), WIDTH)
    steps = np.maximum(np.abs(states).max(axis=1, keepdims=True) / 127, 2**-14)
    # The scale itself is rounded to a float16, by which 127 steps are off by a fifth of one.
    assert (np.abs(kept.states(numpy_products) - states) <= 0.65 * steps).all()


@pytest.mark.parametrize("tokens", [1, 2, 7])
def test_float16_is_the_nearest_float16(tokens):
    states = states_of(tokens)
    kept = from_columns(to_columns(encode(states, "float16", measured), "t", "i"), WIDTH)
    expected = states.astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(kept.states(numpy_products), expected)


@pytest.mark.parametrize("precision", STATE_PRECISIONS)
def test_lengths_are_those_of_the_states_as_they_are_kept(precision):
    def lengths(states):
        return np.append(np.linalg.norm(states, axis=1), np.linalg.norm(states.sum(axis=0)))

    kept = encode(states_of(4), precision, lengths, DIRECTIONS)
    expected = lengths(kept.states(numpy_products)).astype(np.float32)
    np.testing.assert_array_equal(kept.lengths, expected)


@pytest.mark.parametrize("precision", STATE_PRECISIONS)
def test_columns_are_those_that_are_documented(precision):
    columns = columns_of(tokens=5, precision=precision)
    assert set(columns) == set(STATE_COLUMNS[precision])
    for name, column in columns.items():
        assert column.dtype == STATE_TYPES[name]
        assert column.ndim == 1
    assert codec.damage(columns, WIDTH) is None
    assert codec.precision_of(columns) == precision
    assert codec.precision_of(["token_ids"]) is None


@pytest.mark.parametrize(("precision", "each"), DOCUMENTED)
def test_bytes_a_token_are_those_that_are_documented(precision, each):
    states = np.random.default_rng(0).standard_normal((10, 384)).astype(np.float32)
    columns = to_columns(encode(states, precision, measured, WIDE), "t", "i")
    assert codec.bytes_of(columns) == 10 * each + 4 + 8


@pytest.mark.parametrize("precision", STATE_PRECISIONS)
@pytest.mark.parametrize("broken", [np.nan, np.inf, 1e38])
def test_what_no_float16_holds_is_refused(precision, broken):
    states = states_of(3)
    states[1, 2] = broken
    with pytest.raises(ValueError, match="finite"):
        encode(states, precision, measured, DIRECTIONS)


def test_a_state_of_zeros_stays_one():
    kept = encode(np.zeros((2, WIDTH), np.float32), "int8", measured)
    np.testing.assert_array_equal(kept.states(numpy_products), 0)


@pytest.mark.parametrize("precision", STATE_PRECISIONS)
@pytest.mark.parametrize("tokens", [1, 3, 5])
def test_columns_know_their_text_and_what_made_them(precision, tokens):
    columns = columns_of(tokens, "a text", precision)
    assert codec.are_of(columns, "a text", "made by")
    assert not codec.are_of(columns, "a text.", "made by")
    assert not codec.are_of(columns, "a text", "made by another")
    # Odd surrogates are legal in a text.
    assert codec.are_of(columns_of(text="\ud800"), "\ud800", "made by")


@pytest.mark.parametrize("precision", STATE_PRECISIONS)
def test_any_number_that_changes_is_seen(precision):
    for name in set(STATE_COLUMNS[precision]) - {codec.STATES_DIGEST}:
        for at in (0, -1):
            columns = columns_of(precision=precision)
            columns[name] = columns[name].copy()
            columns[name][at] += 1
            assert not codec.are_of(columns, "a text", "made by"), (name, at)


def without(name):
    return {key: value for key, value in columns_of().items() if key != name}


def compact_with(name, values):
    return {**columns_of(precision="compact"), name: values}


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (without(codec.STATE_SCALES), "not all that states need"),
        (without(codec.STATES_DIGEST), "not all that states need"),
        ({**columns_of(), codec.STATES_INT8: np.zeros(5 * WIDTH, np.int16)}, "int16"),
        ({**columns_of(), codec.STATES_INT8: np.zeros((5, WIDTH), np.int8)}, r"\[5, 12\]"),
        ({**columns_of(), codec.STATES_INT8: np.zeros(5 * WIDTH + 1, np.int8)}, "61 numbers"),
        ({**columns_of(), codec.STATE_SCALES: np.ones(4, np.float16)}, "4 numbers for 5 tokens"),
        ({**columns_of(), codec.STATE_LENGTHS: np.ones(5, np.float32)}, "5 numbers for 5 tokens"),
        ({**columns_of(), codec.STATES_DIGEST: np.empty(0, np.int64)}, "0 numbers"),
        (compact_with(codec.STATES_COMPACT, np.zeros(10, np.int8)), "int8"),
        (compact_with(codec.STATES_COMPACT, np.zeros(11, np.uint8)), "11 numbers"),
        (compact_with(codec.STATES_COMPACT, np.zeros(12, np.uint8)), "5 numbers for 6 tokens"),
        (compact_with(codec.STATE_SCALES, np.ones(4, np.float16)), "4 numbers for 5 tokens"),
    ],
)
def test_damage_is_said(columns, said):
    assert re.search(said, codec.damage(columns, WIDTH) or "")
