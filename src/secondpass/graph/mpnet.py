"""MPNet: BERT whose attention adds a learnt bias of relative positions, one for all layers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from secondpass.architectures.record import Architecture
from secondpass.graph import ops, post_norm
from secondpass.graph.openvino import op, ov
from secondpass.graph.ops import Node
from secondpass.graph.tensors import Tensors
from secondpass.models.spec import ModelSpec

_FURTHEST = 128


def build(spec: ModelSpec, family: Architecture, tensors: Tensors) -> ov.Model:
    """Build the graph. Output [rows, labels], or [rows, width] pooled."""
    return post_norm.graph_of(_Encoder(spec, family, tensors), family.head, spec, tensors)


class _Encoder(post_norm.Encoder):
    def __init__(self, spec: ModelSpec, family: Architecture, tensors: Tensors) -> None:
        super().__init__(spec, family, tensors)
        self.position_bias = self._relative_bias()

    def _relative_bias(self) -> Node:
        """Return [1, heads, length, length], by the bucket of key position minus query position."""
        name = f"{self.prefix}encoder.relative_attention_bias.weight"
        table = self._tensors.shaped(
            name, self._spec.config.get("relative_attention_num_buckets"), self._heads
        )
        longest = self._spec.needed("max_position_embeddings")
        buckets = relative_buckets(np.arange(-longest, longest + 1), len(table))
        apart = op.negative(ops.distances_of(self.inputs.input_ids, "i32"))
        rows = op.gather(
            ops.constant(table[buckets]),
            op.add(apart, ops.constant(np.int32(longest))),
            ops.constant(0),
        )
        return op.unsqueeze(op.transpose(rows, ops.constant([2, 0, 1])), ops.constant([0]))


def relative_buckets(apart: NDArray[np.int64], buckets: int) -> NDArray[np.int64]:
    """Return the bucket of each relative position, as T5's (Raffel et al. 2020, arXiv:1910.10683).

    Half of the buckets for each direction; of those, half are exact and half logarithmic up to 128.
    """
    half = buckets // 2
    exact = half // 2
    distance = np.abs(apart)
    share = np.log(np.maximum(distance, exact).astype(np.float32) / np.float32(exact))
    share = share / np.float32(np.log(_FURTHEST / exact))
    far = np.minimum(exact + (share * np.float32(half - exact)).astype(np.int64), half - 1)
    return np.where(apart > 0, half, 0) + np.where(distance < exact, distance, far)
