"""States in a quarter of int8's bytes: their largest principal directions, in 4 and 2 bits each.

A model's states vary along few directions. These are fitted once, to states of many texts, and ship
with the model in `directions.safetensors`: "mean" [width] and "directions" [m, width], largest
first. A state is kept as odd integers and a scale, and is about

    mean + scale * sum of each integer times its direction

A direction is as long as half a step of its integers. Of a width of 384 the first 96 have 4 bits,
-15 to 15, and 176 more have 2, -3 to 3: 92 bytes. More bits for fewer directions, or fewer for
more, lose more of what states vary by.

Each byte holds four pairs of bits, and a pair stands for -3, -1, 1 or 3. A direction of 4 bits is
two pairs, of which the first counts four times. The products of codes with vectors are those of
their numbers, and unpacking them is part of the product.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
# Values [n, m] and vectors [k, m] to their products [n, k]; of codes, uint8 [n, b], the products of
# their numbers with vectors [k, 4 b].
Products = Callable[[NDArray[Any], Floats], Floats]

# The length of a step, in standard deviations of what is rounded, that loses the least of normally
# distributed numbers (Max 1960), by bits.
_STEPS = {4: 0.3352, 2: 0.9957}
_HIGHER = 4
# The least float16 that is not denormal.
LEAST_SCALE = np.float16(2**-14)


def numpy_products(values: NDArray[Any], vectors: Floats) -> Floats:
    """Return the products of values or codes, by numpy."""
    numbers = numbers_of(values) if values.dtype == np.uint8 else values
    products: Floats = np.inner(numbers, vectors)
    return products


def directions_of(width: int) -> tuple[int, int]:
    """Return how many directions states of `width` numbers have in 4 bits, and in 2."""
    return 2 * max(1, width // 8), 4 * (11 * width // 96)


def code_bytes(width: int) -> int:
    """Return how many bytes a state of `width` numbers takes, without its scale."""
    fine, coarse = directions_of(width)
    return fine // 2 + coarse // 4


def numbers_of(codes: NDArray[np.uint8]) -> NDArray[np.int8]:
    """Return the numbers [n, 4 b] of codes [n, b]: the lowest pair of each byte, then the next."""
    pairs = [codes >> shift & 3 for shift in range(0, 8, 2)]
    return (2 * np.concatenate(pairs, axis=1) - 3).astype(np.int8)


class Directions:
    """The directions of one model's states.

    Args:
        mean: float32 [width].
        directions: float32 [m, width], of as many directions as `directions_of` says; at right
            angles to each other.
    """

    def __init__(self, mean: Floats, directions: Floats) -> None:
        self.mean = mean
        self._directions = directions
        self._fine, coarse = directions_of(len(mean))
        bits = np.repeat((4, 2), (self._fine, coarse))
        self._most = (2**bits - 1).astype(np.float32)
        # Of half a step in standard deviations.
        self._halves = np.array([_STEPS[one] / 2 for one in bits], np.float32)
        self._squares: Floats = (directions * directions).sum(axis=1)

    @cached_property
    def of_numbers(self) -> Floats:
        """What each number of a state is multiplied by: float32 [4 * bytes of a code, width]."""
        fine = np.repeat(self._directions[: self._fine], 2, axis=0)
        fine[::2] *= _HIGHER
        of_pairs = np.concatenate((fine, self._directions[self._fine :]))
        by_byte = of_pairs.reshape(-1, 4, len(self.mean))
        return np.ascontiguousarray(by_byte.transpose(1, 0, 2).reshape(of_pairs.shape))

    @cached_property
    def digest(self) -> str:
        """A digest of every number."""
        hashed = sha256(np.ascontiguousarray(self.mean, "<f4").tobytes())
        hashed.update(np.ascontiguousarray(self._directions, "<f4").tobytes())
        return hashed.hexdigest()

    def encode(self, states: Floats, products: Products) -> tuple[NDArray[np.uint8], Floats]:
        """Return codes [n, bytes of a code] and scales [n] of states [n, width].

        Raises:
            ValueError: a scale is not a finite number that a float16 holds.
        """
        with np.errstate(all="ignore"):
            along = products(states - self.mean, self._directions) / self._squares
            spread = np.sqrt(np.square(along * self._halves).mean(axis=1, keepdims=True))
            steps = np.maximum(spread, np.float32(LEAST_SCALE))
            integers = np.clip(2 * np.floor(along / steps / 2) + 1, -self._most, self._most)
            # With these integers, the scale that leaves the least of the state.
            best = (integers * along) @ self._squares / (np.square(integers) @ self._squares)
            scales = np.maximum(best.astype(np.float16), LEAST_SCALE)
        if not np.isfinite(scales).all():
            raise ValueError("a state is not a finite number that a float16 holds")
        return self._packed(integers), scales.astype(np.float32)

    def decode(self, codes: NDArray[np.uint8], scales: Floats, products: Products) -> Floats:
        """Return the states [n, width] of codes and scales."""
        states = products(codes, np.ascontiguousarray(self.of_numbers.T))
        states *= scales[:, None]
        states += self.mean
        return states

    def _packed(self, integers: Floats) -> NDArray[np.uint8]:
        levels = ((integers + self._most) / 2).astype(np.uint8)
        fine, coarse = levels[:, : self._fine], levels[:, self._fine :]
        both = np.stack((fine >> 2, fine & 3), axis=2).reshape(len(levels), 2 * self._fine)
        size = code_bytes(len(self.mean))
        pairs = np.concatenate((both, coarse), axis=1).reshape(len(levels), size, 4)
        codes: NDArray[np.uint8] = (pairs << np.arange(0, 8, 2, dtype=np.uint8)).sum(
            axis=2, dtype=np.uint8
        )
        return codes


def fitted(states: Floats) -> tuple[Floats, Floats]:
    """Return mean and directions of the states [n, width] of many texts."""
    fine, coarse = directions_of(states.shape[1])
    mean = states.mean(axis=0, dtype=np.float64)
    covariance = np.cov(states, rowvar=False, dtype=np.float64)
    variances, vectors = np.linalg.eigh(covariance)
    largest = np.argsort(-variances, kind="stable")[: fine + coarse]
    halves = np.repeat([_STEPS[4] / 2, _STEPS[2] / 2], (fine, coarse))
    directions = vectors.T[largest] * (np.sqrt(variances[largest]) * halves)[:, None]
    # Of a direction and its opposite, the one whose largest number is above zero.
    peaks = np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1)
    return mean.astype(np.float32), (directions * np.sign(peaks)).astype(np.float32)
