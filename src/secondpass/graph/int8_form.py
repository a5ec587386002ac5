"""int8 graphs and what computes them: a product that shows saturation, and the same graph in float.

A processor without int8 dot products adds two products of int8 in 16 bits, which cannot hold them
if both are large: the sum is cut to what can.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondpass.graph.openvino import op, ov
from secondpass.graph.ops import Node

_WIDTH = 64
_LARGEST_WEIGHT, _LARGEST_STATE = 127, 255
_SAFE = 64


def extreme_product() -> tuple[ov.Model, float]:
    """Return a product of int8 at its limits, [rows, 64] by [64, 64], and what each sum should be.

    Its input is float32 [rows, 64], all `_LARGEST_STATE`.
    """
    state = op.parameter([-1, _WIDTH], np.float32, name="state")
    low, high = (op.constant(np.float32(bound)) for bound in (0, _LARGEST_STATE))
    rounded = op.fake_quantize(state, low, high, low, high, _LARGEST_STATE + 1)
    stored = op.constant(np.full((_WIDTH, _WIDTH), _LARGEST_WEIGHT, np.int8))
    scale = op.constant(np.ones((_WIDTH, 1), np.float32))
    weights = op.multiply(op.convert(stored, np.float32), scale)
    product = op.matmul(rounded, weights, transpose_a=False, transpose_b=True)
    exact = float(_WIDTH * _LARGEST_WEIGHT * _LARGEST_STATE)
    return ov.Model([op.result(product)], [state], "extreme product"), exact


def extreme_states() -> NDArray[np.float32]:
    """Return the input of `extreme_product`: two rows."""
    return np.full((2, _WIDTH), _LARGEST_STATE, np.float32)


def rounds_states(model: ov.Model) -> bool:
    """Tell whether states are int8 too: what has int8 weights alone is computed in float."""
    return any(node.get_type_name() == "FakeQuantize" for node in model.get_ops())


def may_saturate(model: ov.Model) -> bool:
    """Tell whether two products of a graph may add up to more than 16 bits hold.

    Weights of 7 bits cannot: 2 * 64 * 255 is below 32,768. Weights in a form that is not ours may.
    """
    if not rounds_states(model):
        return False
    products = [_stored(node) for node in model.get_ops()]
    known = [stored for stored in products if stored is not None]
    return not known or any(np.abs(stored.astype(np.int16)).max() > _SAFE for stored in known)


def in_float(model: ov.Model) -> ov.Model:
    """Return an int8 graph whose products are of float32: its weights, and states as they are.

    The weights keep what int8 has rounded. The graph that is given stays as it is.
    """
    copied = model.clone()
    for node in copied.get_ops():
        if node.get_type_name() == "FakeQuantize" and _keeps_its_range(node):
            node.output(0).replace(node.input_value(0))
    for node in copied.get_ops():
        if (stored := _stored(node)) is not None:
            scale = node.input_value(1).get_node().input_value(1).get_node().data
            weights = np.asarray(stored.astype(np.float32) * scale, np.float32)
            node.input_value(1).replace(op.constant(weights).output(0))
    copied.validate_nodes_and_infer_types()
    return copied


def _stored(product: Node) -> Any:
    """Return the integers of a product whose weights are int8 times a scale, else None."""
    if product.get_type_name() != "MatMul":
        return None
    scaled = product.input_value(1).get_node()
    if scaled.get_type_name() != "Multiply":
        return None
    converted, scale = (port.get_node() for port in scaled.input_values())
    if converted.get_type_name() != "Convert" or scale.get_type_name() != "Constant":
        return None
    stored = converted.input_value(0).get_node()
    if stored.get_type_name() != "Constant" or stored.get_element_type() != ov.Type.i8:
        return None
    return stored.data


def _keeps_its_range(rounding: Node) -> bool:
    """Tell whether a FakeQuantize rounds and cuts, and does not scale."""
    bounds = [port.get_node() for port in rounding.input_values()[1:]]
    if any(bound.get_type_name() != "Constant" for bound in bounds):
        return False
    low, high, out_low, out_high = (bound.data for bound in bounds)
    return np.array_equal(low, out_low) and np.array_equal(high, out_high)
