"""Compact states: what they lose, how they are packed, and that nobody needs to decode them."""

from __future__ import annotations

import numpy as np
import pytest
from compact_directions import drawn_directions

from secondpass.engine.contract import JoinHead
from secondpass.states.codec import KeptStates
from secondpass.states.compact import (
    Directions,
    code_bytes,
    directions_of,
    fitted,
    numbers_of,
    numpy_products,
)
from secondpass.states.late_interaction import LateInteraction

WIDTHS = [4, 12, 32, 64]


def like_states(count, width, seed=0):
    """Return numbers that vary along some directions more than along others, about a mean."""
    chance = np.random.default_rng(seed)
    axes = np.linalg.qr(np.random.default_rng(99).standard_normal((width, width)))[0]
    spread = np.exp(-np.arange(width) / (width / 4))
    drawn = chance.standard_normal((count, width)) * spread
    return (drawn @ axes + np.linspace(-1, 1, width)).astype(np.float32)


def lost(states, directions):
    codes, scales = directions.encode(states, numpy_products)
    rest = directions.decode(codes, scales, numpy_products) - states
    return np.square(rest).sum() / np.square(states - states.mean(axis=0)).sum()


@pytest.mark.parametrize(("width", "size"), [(48, 11), (12, 2), (64, 15), (4, 1)])
def test_a_code_takes_so_many_bytes(width, size):
    codes, scales = drawn_directions(width).encode(like_states(3, width), numpy_products)
    assert code_bytes(width) == size
    assert code_bytes(384) == 92
    assert (codes.shape, codes.dtype) == ((3, size), np.uint8)
    assert (scales.shape, scales.dtype) == ((3,), np.float32)


def test_each_byte_is_four_numbers():
    numbers = numbers_of(np.array([[0b00_01_10_11, 0], [255, 0b11_00_00_00]], np.uint8))
    assert numbers.tolist() == [[3, -3, 1, -3, -1, -3, -3, -3], [3, -3, 3, -3, 3, -3, 3, 3]]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scale", [0.25, 1.0, 8.0])
def test_integers_of_the_right_size_come_back_as_they_are(width, scale):
    """A mistake in the order of bits or directions would be far off."""
    directions = drawn_directions(width)
    fine, coarse = directions_of(width)
    chance = np.random.default_rng(1)
    integers = np.concatenate(
        (2 * chance.integers(-8, 8, (50, fine)) + 1, 2 * chance.integers(-2, 2, (50, coarse)) + 1),
        axis=1,
    )
    states = scale * integers.astype(np.float32) @ directions._directions
    codes, scales = directions.encode(states, numpy_products)
    found = directions.decode(codes, scales, numpy_products)
    error = np.linalg.norm(found - states, axis=1) / np.linalg.norm(states, axis=1)
    assert np.median(error) < 0.25


@pytest.mark.parametrize("width", [32, 64])
def test_fitted_directions_lose_little_of_other_states(width):
    mean, directions = fitted(like_states(4000, width))
    shipped = Directions(mean, directions)
    assert lost(like_states(500, width, seed=5), shipped) < 0.05
    assert lost(like_states(500, width, seed=5), drawn_directions(width)) > 0.2


def test_fitted_directions_are_at_right_angles_and_the_same_each_time():
    states = like_states(500, 32)
    mean, directions = fitted(states)
    products = directions @ directions.T
    lengths = np.diag(products)
    np.testing.assert_allclose(products, np.diag(lengths), atol=1e-5)
    fine, _ = directions_of(32)
    assert (np.diff(lengths[:fine]) <= 0).all()
    assert (np.diff(lengths[fine:]) <= 0).all()
    assert (directions[np.arange(len(directions)), np.abs(directions).argmax(axis=1)] > 0).all()
    np.testing.assert_array_equal(fitted(states)[1], directions)
    np.testing.assert_allclose(mean, states.mean(axis=0), atol=1e-6)


def test_a_scale_fits_the_size_of_a_state():
    directions = drawn_directions(64)
    states = like_states(20, 64)
    one, scales = directions.encode(states, numpy_products)
    ten, larger = directions.encode(10 * states, numpy_products)
    np.testing.assert_array_equal(one, ten)
    np.testing.assert_allclose(larger, 10 * scales, rtol=2e-3)


@pytest.mark.parametrize("given", [0.0, 1e-30])
def test_a_state_like_the_mean_is_decoded_to_about_it(given):
    directions = drawn_directions(12)
    states = np.full((2, 12), given, np.float32)
    codes, scales = directions.encode(states, numpy_products)
    assert np.abs(directions.decode(codes, scales, numpy_products)).max() < 1e-2


def test_a_digest_tells_directions_apart():
    first = drawn_directions(12)
    assert first.digest == drawn_directions(12).digest
    assert first.digest != drawn_directions(12, seed=1).digest
    assert first.digest != Directions(first.mean + 1, first._directions).digest


@pytest.mark.parametrize("bias", [0.0, 0.3])
@pytest.mark.parametrize("tokens", [[1], [5, 2, 9], [3, 3]])
def test_late_interaction_of_codes_is_that_of_the_states_that_they_stand_for(bias, tokens):
    width, chance = 32, np.random.default_rng(3)
    head = JoinHead(
        projection=chance.standard_normal((8, width)).astype(np.float32),
        bias=np.full(8, bias, np.float32),
        gate=chance.standard_normal(width).astype(np.float32),
        weights=np.array([0.7, 1.3], np.float32),
        line=None,
    )
    interaction = LateInteraction(head)
    mean, directions = fitted(like_states(400, width))
    shipped = Directions(mean, directions)

    def lengths(states):
        return np.linalg.norm(states @ head.projection.T + head.bias, axis=1)

    coded, plain = [], []
    for number, count in enumerate(tokens):
        codes, scales = shipped.encode(like_states(count, width, seed=number), numpy_products)
        states = shipped.decode(codes, scales, numpy_products)
        measured = interaction.measure(states, lengths)
        coded.append(KeptStates(codes, scales, measured, shipped))
        plain.append(KeptStates(states, np.ones(count, np.float32), measured))
    asked = interaction.ask(like_states(4, width, seed=9))
    expected = interaction.scores(asked, plain, numpy_products)
    np.testing.assert_allclose(
        interaction.scores(asked, coded, numpy_products), expected, rtol=1e-4
    )
    # Both kinds in one call, each in its place.
    mixed = interaction.scores(asked, [*plain, *coded], numpy_products)
    np.testing.assert_allclose(mixed, [*expected, *expected], rtol=1e-4)
