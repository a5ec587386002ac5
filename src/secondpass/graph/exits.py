"""Exit heads: a logit from the hidden states between two layers, to drop irrelevant candidates.

A model has an exit after K layers if its safetensors file, or `exits.safetensors` in its folder,
holds `exits.K.*`: for a late-join model the tensors of its head before the join under this prefix,
for any other a `classifier` [1, width] on the first token, with a `dense` [width, width] and a
tanh before it if there is one. `scale` and `offset` [1] put the score on the model's own logits.
Right at the join a late-join model has its score already, so scale and offset are all it takes.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from secondpass.graph import ops
from secondpass.graph.late_join import EARLY_SCORE, late_join_exit
from secondpass.graph.openvino import op
from secondpass.graph.ops import Inputs, Node
from secondpass.graph.tensors import Tensors, open_tensors
from secondpass.models.spec import ModelSpec

_TENSOR = re.compile(r"exits\.(\d+)\..+")


def exit_layers(spec: ModelSpec) -> tuple[int, ...]:
    """Return after how many layers this model has an exit head, ascending."""
    if not spec.exit_files:
        return ()
    with open_tensors(spec.exit_files) as tensors:
        found = {int(match[1]) for match in map(_TENSOR.fullmatch, tensors.names()) if match}
    return tuple(sorted(found))


def carried_names(spec: ModelSpec, layers: int) -> tuple[str, ...]:
    """Return the nodes that the layers after a cut need, the hidden states first."""
    if spec.joins_late and layers >= _join(spec):
        return (ops.layer_output(layers), EARLY_SCORE)
    return (ops.layer_output(layers),)


def exit_logit(spec: ModelSpec, layers: int, carried: list[Node], inputs: Inputs) -> Node:
    """Return the logit [rows, 1] of the exit after `layers` layers; `carried` are the nodes above.

    Raises:
        ModelFileError: a tensor of the head is missing.
    """
    prefix = f"exits.{layers}."
    with open_tensors(spec.exit_files) as tensors:
        if spec.joins_late and layers == _join(spec):
            score = carried[1]
        elif spec.joins_late:
            score = late_join_exit(carried[0], inputs, tensors, prefix)
        else:
            score = _classify(carried[0], tensors, prefix)
        return _calibrated(score, tensors, prefix)


def exit_line(spec: ModelSpec, layers: int) -> tuple[float, float] | None:
    """Return scale and offset of the exit after `layers` layers, None where there is none."""
    if layers not in exit_layers(spec):
        return None
    with open_tensors(spec.exit_files) as tensors:
        prefix = f"exits.{layers}."
        scale, offset = (
            _stored(f"{prefix}{name}", tensors, default)
            for name, default in (("scale", 1.0), ("offset", 0.0))
        )
    return float(scale[0]), float(offset[0])


def _classify(x: Node, tensors: Tensors, prefix: str) -> Node:
    first = ops.drop_length(ops.first_token(x))
    if f"{prefix}dense.weight" in tensors:
        first = op.tanh(ops.linear(first, tensors, f"{prefix}dense"))
    return ops.linear(first, tensors, f"{prefix}classifier", 1)


def _calibrated(score: Node, tensors: Tensors, prefix: str) -> Node:
    scale, offset = _stored(f"{prefix}scale", tensors, 1), _stored(f"{prefix}offset", tensors, 0)
    return op.add(op.multiply(score, ops.constant(scale)), ops.constant(offset))


def _stored(name: str, tensors: Tensors, default: float) -> NDArray[np.float32]:
    return tensors.shaped(name, 1) if name in tensors else np.full(1, default, np.float32)


def _join(spec: ModelSpec) -> int:
    return spec.needed("join_layer")
