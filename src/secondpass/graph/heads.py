"""What stands on the encoder: a classification head, or a pooled and normalised embedding."""

from __future__ import annotations

import numpy as np

from secondpass.graph import ops
from secondpass.graph.families import Head
from secondpass.graph.openvino import op, ov
from secondpass.graph.ops import Inputs, Node
from secondpass.graph.tensors import Tensors

# head -> (name of the dense layer, its activation, name of the last layer); {} is the prefix.
_LAYERS: dict[Head, tuple[str, str, str]] = {
    "pooler": ("{}pooler.dense", "tanh", "classifier"),
    "dense-tanh": ("classifier.dense", "tanh", "classifier.out_proj"),
    "dense-gelu": ("classifier.dense", "gelu", "classifier.out_proj"),
    "dense-relu": ("pre_classifier", "relu", "classifier"),
}


def classify(first: Node, head: Head, prefix: str, tensors: Tensors) -> Node:
    """Return logits [rows, labels] from the first token's hidden state [rows, width]."""
    dense, activation, last = _LAYERS[head]
    hidden = ops.linear(first, tensors, dense.format(prefix))
    return ops.linear(ops.activate(hidden, activation, head), tensors, last)


def embedding(pooled: Node, inputs: Inputs) -> ov.Model:
    """Return a graph whose output "embedding" is [rows, width] of unit length."""
    unit = op.normalize_l2(pooled, ops.constant(np.array([1])), 1e-12, "max")
    return ops.model_of(unit, "embedding", inputs)
