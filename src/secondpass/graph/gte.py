"""GTE ("new" of Alibaba-NLP, "gte" of transformers): post-norm, rotary positions, gated feed."""

from __future__ import annotations

import math
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from secondpass.architectures.record import Architecture
from secondpass.checks import shortened
from secondpass.errors import UnsupportedModelError
from secondpass.graph import ops, post_norm
from secondpass.graph.openvino import op, ov
from secondpass.graph.ops import Node
from secondpass.graph.rotary import Rotation, frequencies, ntk_frequencies
from secondpass.graph.tensors import Tensors
from secondpass.models.spec import ModelSpec


def build(spec: ModelSpec, family: Architecture, tensors: Tensors) -> ov.Model:
    """Build the graph. Output [rows, labels], or [rows, width] pooled."""
    return post_norm.graph_of(_Encoder(spec, family, tensors), family.head, spec, tensors)


class _Encoder(post_norm.Encoder):
    """Post-norm layers; queries and keys are turned by their positions."""

    has_position_table = False

    def __init__(self, spec: ModelSpec, family: Architecture, tensors: Tensors) -> None:
        super().__init__(spec, family, tensors)
        positions = ops.positions_of(self.inputs.input_ids, "f32")
        self._rotation = Rotation(_frequencies(spec, self._head_width), positions)

    def attend(self, name: str, query: Node, key: Node, value: Node, mask: Node) -> Node:
        """Turn queries and keys, then attend; the first position is not turned."""
        if not ops.asks_first_token(query):
            query = self._rotation.rotate(query)
        return ops.attention(query, self._rotation.rotate(key), value, mask, name=name)

    def feed(self, name: str, x: Node) -> Node:
        """Return down(act(gate(x)) * up(x)); up is the first half of the packed weight."""
        up, gate = ops.linear_parts(
            (x, x), self._tensors, f"{name}mlp.up_gate_proj", self._inner_width
        )
        gated = op.multiply(ops.activate(gate, self._activation, self._spec.name), up)
        return self._linear(gated, f"{name}mlp.down_proj", self.width)


def _frequencies(spec: ModelSpec, head_width: int) -> NDArray[np.float32]:
    """Return the rotary frequencies: `rope_parameters` of transformers 5, or the two older keys."""
    config = spec.config
    scaling: dict[str, Any] = config.get("rope_parameters") or config.get("rope_scaling") or {}
    # What the classes have where no key says it: 160,000 in transformers' own, else 10,000.
    default = 160_000.0 if spec.architecture == "gte" else 10_000.0
    theta = float(scaling.get("rope_theta") or config.get("rope_theta") or default)
    kind = scaling.get("rope_type") or scaling.get("type") or "default"
    if kind == "default":
        return frequencies(theta, head_width)
    factor, mixed = scaling.get("factor"), scaling.get("mixed_b")
    if kind != "ntk" or not _is_positive(factor) or not (mixed is None or _is_positive(mixed)):
        raise UnsupportedModelError(
            f"{spec.config_file} has rope_scaling {shortened(scaling)}, expected none or "
            '{"type": "ntk", "factor": a positive number}'
        )
    return ntk_frequencies(theta, head_width, factor, mixed)


def _is_positive(value: Any) -> TypeGuard[float]:
    """Tell whether a value of a JSON file is a positive, finite number."""
    return type(value) in (int, float) and 0 < value < math.inf
