"""The few building blocks of an encoder, in OpenVINO operations; x is [rows, length, width]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondpass.architectures.activations import ACTIVATIONS
from secondpass.checks import shortened
from secondpass.errors import ModelFileError, UnsupportedModelError
from secondpass.graph.openvino import op, ov
from secondpass.graph.tensors import Tensors
from secondpass.models.spec import ModelSpec

Node = Any  # openvino's nodes carry no usable types

# Added to the attention logits of what must not be seen; finite, so that a row with nothing to see
# gives no NaN, and far below any real logit even in half precision.
MASKED = np.float32(-65504.0)


def constant(values: Any) -> Node:
    """Return a constant node; Python integers become int64."""
    return op.constant(np.asarray(values))


def width_of(x: Node) -> int | None:
    """Return the size of the last axis, None where the graph does not fix it."""
    last = x.get_output_partial_shape(0)[-1]
    return int(last.get_length()) if last.is_static else None


def linear(
    x: Node, tensors: Tensors, name: str, outputs: int | None = None, *, biased: bool = False
) -> Node:
    """Return x times the transposed weight [out, in], plus the bias if there is one.

    `outputs` is how many there have to be, None for as many as the weight gives; with `biased`
    there has to be a bias.
    """
    weight = tensors.shaped(f"{name}.weight", outputs, width_of(x))
    product = op.matmul(x, constant(weight), False, True)
    product.set_friendly_name(name)
    bias = f"{name}.bias"
    if bias not in tensors and not biased:
        return product
    return op.add(product, constant(tensors.shaped(bias, len(weight))))


def linear_parts(
    of: Sequence[Node], tensors: Tensors, name: str, outputs: int | None = None
) -> list[Node]:
    """Return one product for each x: its weights are an equal part of one packed weight's rows.

    `outputs` is how many each has, None for as many as the weight gives.
    """
    parts = len(of)
    rows = None if outputs is None else parts * outputs
    packed = tensors.shaped(f"{name}.weight", rows, width_of(of[0]))
    if len(packed) % parts:
        raise ModelFileError(f"{name}.weight has {len(packed)} rows, expected {parts} equal parts")
    bias = f"{name}.bias"
    added = np.split(tensors.shaped(bias, len(packed)), parts) if bias in tensors else None
    products = []
    for number, (x, weight) in enumerate(zip(of, np.split(packed, parts), strict=True)):
        product = op.matmul(x, constant(weight), False, True)
        product.set_friendly_name(f"{name}.{number}")
        products.append(product if added is None else op.add(product, constant(added[number])))
    return products


def layer_norm(
    x: Node, tensors: Tensors, name: str, epsilon: float, *, biased: bool = False
) -> Node:
    """Return the layer norm over the last axis; without a stored bias there is none.

    With `biased` there has to be one.
    """
    normal = op.mvn(x, constant([-1]), True, epsilon, "INSIDE_SQRT")
    width = width_of(x)
    scaled = op.multiply(normal, constant(tensors.shaped(f"{name}.weight", width)))
    bias = f"{name}.bias"
    if bias not in tensors and not biased:
        return scaled
    return op.add(scaled, constant(tensors.shaped(bias, width)))


def gather_rows(table: NDArray[np.float32], ids: Node) -> Node:
    """Return the rows of an embedding table by id."""
    return op.gather(constant(table), ids, constant(0))


def length_of(ids: Node) -> Node:
    """Return the length of the sequences [1], from ids [rows, length]."""
    return op.gather(op.shape_of(ids), constant([1]), constant(0))


def head_width(width: int, heads: int, key: str, spec: ModelSpec) -> int:
    """Return the width of an attention's head.

    Raises:
        ModelFileError: the heads do not divide the width; `key` is theirs in config.json.
    """
    if width % heads:
        raise ModelFileError(
            f"{spec.config_file} has {key} {heads}, expected a divisor of the width {width}"
        )
    return width // heads


def require_no_layer(prefix: str, layers: int, tensors: Tensors, spec: ModelSpec) -> None:
    """Raise if the weights have a layer more than config.json says, whose weights begin so.

    A model without its last layers gives other scores, and a config of another model is likelier
    than a wish to leave them out.
    """
    if any(name.startswith(prefix) for name in tensors.names()):
        raise ModelFileError(
            f"{spec.config_file} says that there are {layers} layers, but the weights have more: "
            f"{prefix}*. Take the config that was saved with the weights"
        )


def positions_of(ids: Node, output_type: str) -> Node:
    """Return the positions [length] from 0, from ids [rows, length]."""
    length = op.squeeze(length_of(ids), constant([0]))
    return op.range(constant(0), length, constant(1), output_type)


def distances_of(ids: Node, output_type: str) -> Node:
    """Return the position of each token minus that of every other: [length, length]."""
    positions = positions_of(ids, output_type)
    return op.subtract(
        op.unsqueeze(positions, constant([1])), op.unsqueeze(positions, constant([0]))
    )


def asks_first_token(query: Node) -> bool:
    """Tell whether queries [rows, heads, length, head width] are those of `first_token`."""
    return bool(query.get_output_partial_shape(0)[2].get_max_length() == 1)


def first_token(x: Node) -> Node:
    """Return the first token of every row, the length axis kept: [rows, 1, width]."""
    return op.slice(x, constant([0]), constant([1]), constant([1]), constant([1]))


def first_position(x: Node) -> Node:
    """Return the first place of the second last axis, kept: [rows, heads, 1, ...]."""
    return op.slice(x, constant([0]), constant([1]), constant([1]), constant([2]))


def drop_length(x: Node) -> Node:
    """Return [rows, width] from [rows, 1, width]."""
    return op.squeeze(x, constant([1]))


def split_heads(x: Node, heads: int, head_width: int) -> Node:
    """Return [rows, heads, length, head_width] from [rows, length, width]."""
    shaped = op.reshape(x, constant([0, 0, heads, head_width]), True)
    return op.transpose(shaped, constant([0, 2, 1, 3]))


def merge_heads(x: Node, width: int) -> Node:
    """Undo `split_heads`."""
    return op.reshape(op.transpose(x, constant([0, 2, 1, 3])), constant([0, 0, width]), True)


# The products that quantization leaves out, by name: an attention's two, and the heads, which are
# small beside the layers and where each rounding is seen in the score.
UNQUANTIZED_NAMES = (
    r".*(attention_(logits|values)|token_similarities|projection|gate|classifier.*|pooler.*)"
)


def name_layer_output(x: Node, layers: int) -> Node:
    """Name the output after `layers` layers, where the graph can be cut; see cut.py."""
    x.set_friendly_name(layer_output(layers))
    return x


def layer_output(layers: int) -> str:
    """Return the name of the hidden states after `layers` layers; saved and int8 graphs keep it."""
    return f"layer.{layers}.output"


def attention(query: Node, key: Node, value: Node, mask: Node, *, name: str) -> Node:
    """Return softmax(query key^T / sqrt(head width) + mask) value, all split by heads."""
    head_width = query.get_output_partial_shape(0)[-1].get_length()
    logits = attention_logits(query, key, name=name)
    scale = constant(np.float32(head_width**-0.5))
    return attention_values(op.add(op.multiply(logits, scale), mask), value, name=name)


def attention_logits(query: Node, key: Node, *, name: str) -> Node:
    """Return query key^T, not scaled."""
    logits = op.matmul(query, key, False, True)
    logits.set_friendly_name(f"{name}.attention_logits")
    return logits


def attention_values(logits: Node, value: Node, *, name: str) -> Node:
    """Return softmax(logits) value."""
    values = op.matmul(op.softmax(logits, -1), value, False, False)
    values.set_friendly_name(f"{name}.attention_values")
    return values


def padding_mask(attention_mask: Node) -> Node:
    """Return [rows, 1, 1, length]: 0 where a token stands, MASKED where there is padding."""
    seen = op.convert(op.unsqueeze(attention_mask, constant([1, 2])), np.float32)
    return op.multiply(op.subtract(constant(np.float32(1)), seen), constant(MASKED))


def masked_mean(x: Node, attention_mask: Node) -> Node:
    """Return the mean over the real tokens of each row: [rows, width]."""
    seen = op.convert(op.unsqueeze(attention_mask, constant([2])), np.float32)
    total = op.reduce_sum(op.multiply(x, seen), constant([1]), False)
    count = op.maximum(op.reduce_sum(seen, constant([1]), False), constant(np.float32(1e-9)))
    return op.divide(total, count)


def activate(x: Node, function: str, name: str) -> Node:
    """Apply a feed-forward activation by its transformers name."""
    match ACTIVATIONS.get(function):
        case "gelu":
            return op.gelu(x, "erf")
        case "gelu tanh":
            return op.gelu(x, "tanh")
        case "leaky relu":
            return op.prelu(x, constant(np.float32(0.01)))
        case "linear":
            return x
        case "mish":
            return op.mish(x)
        case "quick gelu":
            return op.multiply(x, op.sigmoid(op.multiply(x, constant(np.float32(1.702)))))
        case "relu":
            return op.relu(x)
        case "sigmoid":
            return op.sigmoid(x)
        case "silu":
            return op.swish(x)
        case "tanh":
            return op.tanh(x)
    raise UnsupportedModelError(
        f"{name}: the activation {shortened(function)} of its layers is not known"
    )


class Inputs:
    """The graph's inputs, int32 [rows, length] each."""

    def __init__(self, *, token_types: bool) -> None:
        self.input_ids = _input("input_ids")
        self.attention_mask = _input("attention_mask")
        self.token_type_ids = _input("token_type_ids") if token_types else None

    @classmethod
    def of(cls, nodes: Mapping[str, Node]) -> Inputs:
        """Return the inputs of a graph that is built already, by their names."""
        inputs = cls.__new__(cls)
        inputs.input_ids = nodes["input_ids"]
        inputs.attention_mask = nodes["attention_mask"]
        inputs.token_type_ids = nodes.get("token_type_ids")
        return inputs

    def parameters(self) -> list[Node]:
        """Return the inputs that exist, in the order a model takes them."""
        every = (self.input_ids, self.attention_mask, self.token_type_ids)
        return [node for node in every if node is not None]


def _input(name: str) -> Node:
    node = op.parameter([-1, -1], np.int32, name=name)
    node.output(0).set_names({name})
    return node


def model_of(output: Node, output_name: str, inputs: Inputs) -> ov.Model:
    """Close a graph: name its output and bind its inputs."""
    output.output(0).set_names({output_name})
    return ov.Model([op.result(output)], inputs.parameters(), "secondpass")
