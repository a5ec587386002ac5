"""Ways to keep states in fewer bytes: each is fitted to states and gives back what is left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondpass.states.compact import Directions, code_bytes, numpy_products

Floats = NDArray[np.float32]
# States [n, width] of one text to what is read of them again, [m, width].
RoundTrip = Callable[[Floats], Floats]

# Each text's token has a length of late interaction beside it, a float32.
LENGTH_BYTES = 4.0
SCALE_BYTES = 2.0


@dataclass(frozen=True)
class Codec:
    """`bytes` a token of the text; `fit` makes a round trip from a sample of states [n, width]."""

    name: str
    bytes: float
    fit: Callable[[Floats], RoundTrip]


def scaled(bits: int, *, each: float = 1.0) -> RoundTrip:
    """Return integers of `bits` with a scale a token: `each` of its largest number is the most."""
    most = 2 ** (bits - 1) - 1

    def through(states: Floats) -> Floats:
        largest = np.abs(states).max(axis=1, keepdims=True) * each
        scale = np.maximum((largest / most).astype(np.float16), np.float16(2**-14))
        scale = scale.astype(np.float32)
        return np.clip(np.rint(states / scale), -most, most) * scale

    return through


def pca(wide: int, bits: int) -> Callable[[Floats], RoundTrip]:
    """Return the first `wide` principal directions, as integers of `bits`."""

    def fit(sample: Floats) -> RoundTrip:
        mean = sample.mean(axis=0)
        _, _, directions = np.linalg.svd(sample - mean, full_matrices=False)
        kept = directions[:wide]
        rounded = scaled(bits)
        return lambda states: (rounded((states - mean) @ kept.T) @ kept + mean).astype(np.float32)

    return fit


def spread(bits: int) -> Callable[[Floats], RoundTrip]:
    """Return integers of `bits` of states whose numbers are first divided by their own spread."""

    def fit(sample: Floats) -> RoundTrip:
        mean, deviation = sample.mean(axis=0), sample.std(axis=0) + 1e-6
        rounded = scaled(bits, each=0.9 if bits > 2 else 0.7)
        return lambda states: (rounded((states - mean) / deviation) * deviation + mean).astype(
            np.float32
        )

    return fit


def residual(centroids: int, bits: int) -> Callable[[Floats], RoundTrip]:
    """Return the nearest of some centroids and its residual in buckets of `bits` (PLAID)."""

    def fit(sample: Floats) -> RoundTrip:
        centres = _k_means(sample, centroids)
        rest = sample - centres[_nearest(sample, centres)]
        shares = (np.arange(2**bits) + 0.5) / 2**bits
        levels = np.quantile(rest, shares, axis=0).T.astype(np.float32)
        edges = (levels[:, 1:] + levels[:, :-1]) / 2

        def through(states: Floats) -> Floats:
            near = centres[_nearest(states, centres)]
            buckets = (states[:, :, None] - near[:, :, None] > edges).sum(axis=2)
            return near + np.take_along_axis(levels.T, buckets, axis=0)

        return through

    return fit


def pooled(size: int, inner: RoundTrip) -> Callable[[Floats], RoundTrip]:
    """Return the means of `size` neighbouring tokens; a text's first and last stay as they are."""

    def fit(_: Floats) -> RoundTrip:
        def through(states: Floats) -> Floats:
            first, middle, last = states[:1], states[1:-1], states[-1:]
            means = [middle[at : at + size].mean(axis=0) for at in range(0, len(middle), size)]
            return inner(np.concatenate([first, *(one[None] for one in means), last]))

        return through

    return fit


def _nearest(states: Floats, centres: Floats) -> NDArray[np.intp]:
    return np.argmax(states @ centres.T - (centres**2).sum(axis=1) / 2, axis=1)


def _k_means(sample: Floats, count: int, rounds: int = 6) -> Floats:
    chance = np.random.default_rng(0)
    centres = sample[chance.choice(len(sample), min(count, len(sample)), replace=False)]
    for _ in range(rounds):
        near = _nearest(sample, centres)
        sizes = np.bincount(near, minlength=len(centres))
        sums = np.zeros_like(centres)
        np.add.at(sums, near, sample)
        centres = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], centres)
    return centres.astype(np.float32)


def shipped(directions: Directions) -> Codec:
    """Return the compact states of a model, whose directions are fitted to other collections."""

    def through(states: Floats) -> Floats:
        return directions.decode(*directions.encode(states, numpy_products), numpy_products)

    each = code_bytes(len(directions.mean)) + SCALE_BYTES + LENGTH_BYTES
    return Codec("compact", each, lambda _: through)


def codecs(width: int) -> list[Codec]:
    """Return what is compared; bytes a token of the text, with scales and lengths."""
    beside = SCALE_BYTES + LENGTH_BYTES
    return [
        Codec("float16", 2 * width + LENGTH_BYTES, lambda _: _float16),
        Codec("int8", width + beside, lambda _: scaled(8)),
        Codec("4 bits", width / 2 + beside, spread(4)),
        Codec("3 bits", 3 * width / 8 + beside, spread(3)),
        Codec("PCA 192, int8", 192 + beside, pca(192, 8)),
        Codec("PCA 128, int8", 128 + beside, pca(128, 8)),
        Codec("PCA 96, int8", 96 + beside, pca(96, 8)),
        Codec("PCA 192, 4 bits", 96 + beside, pca(192, 4)),
        Codec("PCA 160, 4 bits", 80 + beside, pca(160, 4)),
        Codec("1,024 centroids, residual 2 bits", width / 4 + 2 + LENGTH_BYTES, residual(1024, 2)),
        Codec("1,024 centroids, residual 1 bit", width / 8 + 2 + LENGTH_BYTES, residual(1024, 1)),
        Codec("pairs of tokens, int8", (width + beside) / 2, pooled(2, scaled(8))),
        Codec("threes of tokens, int8", (width + beside) / 3, pooled(3, scaled(8))),
        Codec("fours of tokens, int8", (width + beside) / 4, pooled(4, scaled(8))),
    ]


def _float16(states: Floats) -> Floats:
    return states.astype(np.float16).astype(np.float32)
