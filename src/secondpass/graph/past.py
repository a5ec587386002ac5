"""What stands before every row of a decoder's batch, given as its keys and values.

The input `PAST` is float32 [2 layers, groups, tokens, head width], a layer's keys and then its
values; of no tokens where each row is whole. It comes from a run of these tokens alone: the output
`STATE` is the past that the first `KEPT` tokens of the first row make. `KEPT` is int32 [1], and 0
where nothing is to be made.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from secondpass.graph import ops
from secondpass.graph.openvino import op, ov
from secondpass.graph.ops import Inputs, Node

PAST, KEPT, STATE = "past", "kept", "state"


class Past:
    """The past of all layers, and the state that they make."""

    def __init__(self, layers: int, groups: int, head_width: int) -> None:
        self._past = op.parameter([2 * layers, groups, -1, head_width], np.float32, name=PAST)
        self._kept = op.parameter([1], np.int32, name=KEPT)
        for node, name in ((self._past, PAST), (self._kept, KEPT)):
            node.output(0).set_names({name})
        self._parts = op.split(self._past, ops.constant(0), 2 * layers).outputs()
        self._states: list[Node] = []
        length = op.gather(op.shape_of(self._past), ops.constant(2), ops.constant(0))
        self.tokens = op.convert(length, np.int32)

    def behind(self, own: Node) -> Node:
        """Return own keys or values [rows, groups, 1, length, head width] behind the past's.

        They are asked for in the order of the layers, of each the keys first.
        """
        part = op.unsqueeze(self._parts[len(self._states)], ops.constant([2]))
        rows = op.gather(op.shape_of(own), ops.constant([0]), ops.constant(0))
        shape = op.concat([rows, ops.constant([1, 1, 1, 1])], 0)
        self._states.append(self._state_of(own))
        return op.concat([op.broadcast(part, shape, broadcast_spec="BIDIRECTIONAL"), own], 3)

    def _state_of(self, own: Node) -> Node:
        row = op.gather(own, ops.constant([0]), ops.constant(0))
        zero, one, axis = (ops.constant([number]) for number in (0, 1, 3))
        kept = op.slice(row, zero, op.convert(self._kept, np.int64), one, axis)
        return op.squeeze(kept, ops.constant([2]))

    def model(self, logits: Node, inputs: Inputs) -> ov.Model:
        """Close a graph: name its outputs and bind its inputs."""
        state = op.concat(self._states, 0)
        for node, name in ((logits, "logits"), (state, STATE)):
            node.output(0).set_names({name})
        parameters = [*inputs.parameters(), self._past, self._kept]
        return ov.Model([op.result(logits), op.result(state)], parameters, "secondpass")


def no_past(shape: ov.PartialShape) -> dict[str, NDArray[np.generic]]:
    """Return the inputs of rows that are whole; `shape` is that of the input `PAST`."""
    sizes = [0 if size.is_dynamic else size.get_length() for size in shape]
    return {PAST: np.zeros(sizes, np.float32), KEPT: np.zeros(1, np.int32)}
