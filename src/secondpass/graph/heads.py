"""The layers after the encoder: a classification head, or a pooled and normalized embedding."""

from __future__ import annotations

import numpy as np

from secondpass.architectures.record import Head
from secondpass.graph import ops
from secondpass.graph.openvino import op, ov
from secondpass.graph.ops import Inputs, Node
from secondpass.graph.tensors import Tensors


def classify(first: Node, head: Head, prefix: str, tensors: Tensors) -> Node:
    """Return logits [rows, labels] of a head of two layers from the first token's hidden state."""
    dense, last = (name.format(prefix) for name in head.layers)
    hidden = ops.linear(first, tensors, dense, biased=True)
    hidden = ops.activate(hidden, str(head.activation), dense)
    return ops.linear(hidden, tensors, last, biased=True)


def embedding(pooled: Node, inputs: Inputs) -> ov.Model:
    """Return a graph whose output "embedding" is [rows, width] of unit length."""
    unit = op.normalize_l2(pooled, ops.constant(np.array([1])), 1e-12, "max")
    return ops.model_of(unit, "embedding", inputs)
