"""JinaBERT v1: BERT with linear biases for positions (ALiBi) and a gated feed-forward."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from secondpass.architectures.record import Architecture
from secondpass.graph import ops, post_norm
from secondpass.graph.openvino import op, ov
from secondpass.graph.ops import Node
from secondpass.graph.tensors import Tensors
from secondpass.models.spec import ModelSpec

_GATES = {"geglu": "gelu", "reglu": "relu"}


def build(spec: ModelSpec, family: Architecture, tensors: Tensors) -> ov.Model:
    """Build the graph. Output [rows, labels], or [rows, width] pooled."""
    return post_norm.graph_of(_Encoder(spec, family, tensors), family.head, spec, tensors)


class _Encoder(post_norm.Encoder):
    """Post-norm layers without positions in the embeddings."""

    has_position_table = False

    def __init__(self, spec: ModelSpec, family: Architecture, tensors: Tensors) -> None:
        super().__init__(spec, family, tensors)
        # models/config_rules.py lets no other kind through.
        self._gate = _GATES[spec.config["feed_forward_type"]]
        self.position_bias = self._distance_bias()

    def feed(self, name: str, x: Node) -> Node:
        """Return wo(act(gate) * up): the gate is the first half."""
        gate, up = ops.linear_parts(
            (x, x), self._tensors, f"{name}mlp.gated_layers", self._inner_width
        )
        gated = op.multiply(ops.activate(gate, self._gate, self._spec.name), up)
        return self._linear(gated, f"{name}mlp.wo", self.width)

    def _distance_bias(self) -> Node:
        """Return [1, heads, length, length]: minus the distance times the slope of the head."""
        distance = op.abs(ops.distances_of(self.inputs.input_ids, "f32"))
        slopes = -alibi_slopes(self._heads)[None, :, None, None]
        return op.multiply(op.unsqueeze(distance, ops.constant([0, 1])), ops.constant(slopes))


def alibi_slopes(heads: int) -> NDArray[np.float32]:
    """Return the slope of each head (Press et al. 2022, arXiv:2108.12409).

    A geometric series for a power of two; otherwise that of the power below, and then every other
    slope of the power above.
    """
    below = 2 ** math.floor(math.log2(heads))
    series = _series(below)
    return np.asarray([*series, *_series(2 * below)[::2][: heads - below]], np.float32)


def _series(heads: int) -> list[float]:
    return [2.0 ** (-8.0 * (number + 1) / heads) for number in range(heads)]
