"""The score at the join, from states alone: late interaction and the cosine of the means.

Each token of the query is compared with the token of the text that is nearest to it (MaxSim;
Khattab and Zaharia 2020, arXiv:2004.12832), both projected; the gate weighs the query's tokens. A
projection W of the query's unit token q is q W x for a state x, so the text's states are not
projected: q W is, and what it is divided by, the length of W x, is kept beside the states.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from secondpass.engine.contract import JoinHead
from secondpass.states.codec import KeptStates
from secondpass.states.compact import Floats, Products

# States [n, width] to the lengths [n] of their projections.
Lengths = Callable[[Floats], Floats]

# What a length is at least, as the graph has it: 1e-12 below the root.
_LEAST_LENGTH = np.float32(1e-6)


class Asked(NamedTuple):
    """What late interaction needs of a query of n tokens.

    vectors: [n + 1, width], of each token and, last, of the mean.
    added: [n], what a bias of the projection adds to each token's products.
    gates: [n], what each token counts; their sum is 1.
    """

    vectors: Floats
    added: Floats
    gates: Floats


class LateInteraction:
    """The score at the join of one model."""

    def __init__(self, head: JoinHead) -> None:
        self._head = head

    def measure(self, states: Floats, projected_lengths: Lengths) -> Floats:
        """Return the lengths [n + 1] that the states [n, width] of a text are divided by."""
        lengths = np.append(projected_lengths(states), _length(states.sum(axis=0)))
        return np.maximum(lengths, _LEAST_LENGTH).astype(np.float32)

    def ask(self, states: Floats) -> Asked:
        """Return what is needed of a query by its states [n, width]."""
        units = _units(_product(states, self._head.projection) + self._head.bias)
        mean = _units(states.sum(axis=0))
        raised = _product(states, self._head.gate[None])[:, 0]
        raised = np.exp(raised - raised.max())
        gates: Floats = raised / raised.sum()
        vectors = np.concatenate((_product(units, self._head.projection.T), mean[None]))
        return Asked(
            np.ascontiguousarray(vectors, np.float32),
            (units * self._head.bias).sum(axis=1),
            gates,
        )

    def scores(self, asked: Asked, texts: Sequence[KeptStates], products: Products) -> Floats:
        """Return the score at the join of each text beside the query: float32 [n]."""
        scores = np.empty(len(texts), np.float32)
        kinds = [text.values.dtype for text in texts]
        for kind in dict.fromkeys(kinds):
            numbers = [number for number, one in enumerate(kinds) if one == kind]
            scores[numbers] = self._scores(asked, [texts[at] for at in numbers], products)
        return scores

    def on_logits(self, scores: Floats) -> Floats:
        """Return scores at the join as logits, by the line of the exit there."""
        scale, offset = self._head.line or (1.0, 0.0)
        return (scores * np.float32(scale) + np.float32(offset)).astype(np.float32)

    def _scores(self, asked: Asked, texts: Sequence[KeptStates], products: Products) -> Floats:
        starts = np.cumsum([0, *(len(text) for text in texts)])[:-1]
        values, vectors, added = _compared(asked, texts)
        found = products(values, vectors)
        scales = np.concatenate([text.scales for text in texts])[:, None]
        lengths = np.concatenate([text.lengths[:-1] for text in texts])[:, None]
        similar = found[:, :-1] * (scales / lengths)
        if added.any():
            similar += added[:-1] / lengths
        nearest = np.maximum.reduceat(similar, starts, axis=0)
        means = np.add.reduceat(found[:, -1] * scales[:, 0] + added[-1], starts)
        cosines = means / np.array([text.lengths[-1] for text in texts], np.float32)
        weights = self._head.weights
        scores: Floats = weights[0] * cosines + weights[1] * (nearest * asked.gates).sum(axis=1)
        return scores


def _compared(asked: Asked, texts: Sequence[KeptStates]) -> tuple[NDArray[Any], Floats, Floats]:
    """Return the values of texts that are kept alike, the vectors to compare them with, and what
    is added to each product of a vector and a state: [tokens, m], [k, m] and [k].

    Compact states are not decoded: the query's vectors are multiplied by the directions.
    """
    values = np.concatenate([text.values for text in texts])
    added, directions = np.append(asked.added, np.float32(0)), texts[0].directions
    if directions is None:
        return values, asked.vectors, added
    added += _product(asked.vectors, directions.mean[None])[:, 0]
    return values, _product(asked.vectors, directions.of_numbers), added


def _product(rows: Floats, vectors: Floats) -> Floats:
    """Return rows [n, width] times vectors [k, width]: [n, k], in this thread.

    A query is small, and the threads of numpy's own product are not bounded by ours.
    """
    product: Floats = np.einsum("nw,kw->nk", rows, vectors, optimize=False)
    return product


def _units(vectors: Floats) -> Floats:
    """Return vectors with length 1 over the last axis."""
    lengths: Floats = _length(vectors)[..., None]
    units: Floats = np.divide(vectors, np.maximum(lengths, _LEAST_LENGTH), dtype=np.float32)
    return units


def _length(vectors: Floats) -> Floats:
    """Return the lengths over the last axis."""
    length: Floats = np.sqrt((vectors * vectors).sum(axis=-1))
    return length
