"""The join of a late-joined graph: what lies below it, and the head of the score there.

Below the join a side is computed from its own tokens alone, so a graph that is given one side gives
the states that the whole graph has of it. What lies above is `cut` after the join's layer.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondpass.engine.contract import JoinHead
from secondpass.errors import UnsupportedModelError
from secondpass.graph import ops
from secondpass.graph.cut import named_nodes, parameters_of, put_input_at
from secondpass.graph.exits import exit_line
from secondpass.graph.late_join import EARLY_GATE, EARLY_PROJECTION, EARLY_SCORE
from secondpass.graph.openvino import op, ov
from secondpass.graph.ops import Node, layer_output
from secondpass.models.spec import ModelSpec
from secondpass.states.compact import Directions

STATES = "states"
# The settings that decide a state; what else config.json says is of later layers or of training.
_SETTINGS = (
    "hidden_act",
    "hidden_size",
    "intermediate_size",
    "join_layer",
    "layer_norm_eps",
    "max_position_embeddings",
    "model_type",
    "num_attention_heads",
    "type_vocab_size",
    "vocab_size",
)


def below_join(model: ov.Model, spec: ModelSpec) -> ov.Model:
    """Return the graph of one side up to the join: its output is "states" [rows, length, width].

    Raises:
        UnsupportedModelError: the graph's layers have no names, as those of other tools.
    """
    clone = model.clone()
    (node,) = named_nodes(clone, [_join_output(spec)], spec)
    node.output(0).set_names({STATES})
    results = [op.result(node)]
    return ov.Model(results, parameters_of(results), "secondpass below the join")


def products(dtype: Any, width: int, rows: int) -> ov.Model:
    """Return the graph of values [rows, width] times vectors [n, width]: [rows, n].

    With a number of `rows` there is one shape of them; -1 takes any. Values that are uint8 are
    codes, of which the product is that of their numbers (states/compact.py): vectors [n, 4 width].
    """
    coded = np.dtype(dtype) == np.uint8
    values = op.parameter([rows, width], dtype, name="values")
    vectors = op.parameter([-1, 4 * width if coded else width], np.float32, name="vectors")
    for node in (values, vectors):
        node.output(0).set_names({node.get_friendly_name()})
    floats = values if dtype == np.float32 else op.convert(values, np.float32)
    if coded:
        floats = _numbers(floats)
    product = op.matmul(floats, vectors, False, True)
    product.output(0).set_names({"products"})
    return ov.Model([op.result(product)], [values, vectors], "secondpass products")


def decoded(directions: Directions, rows: int) -> ov.Model:
    """Return the graph of codes [rows, b] and scales [rows, 1] to states [rows, width]."""
    of_numbers = directions.of_numbers
    codes = op.parameter([rows, len(of_numbers) // 4], np.uint8, name="codes")
    scales = op.parameter([rows, 1], np.float32, name="scales")
    for node in (codes, scales):
        node.output(0).set_names({node.get_friendly_name()})
    numbers = _numbers(op.convert(codes, np.float32))
    sums = op.matmul(numbers, ops.constant(of_numbers), False, False)
    states = op.add(op.multiply(sums, scales), ops.constant(directions.mean[None]))
    states.output(0).set_names({"states"})
    return ov.Model([op.result(states)], [codes, scales], "secondpass decoded")


def _numbers(codes: Node) -> Node:
    """Return the numbers [rows, 4 b] of codes [rows, b], as `states.compact.numbers_of`.

    A float holds a byte exactly, in bfloat16 too.
    """
    pairs, left = [], codes
    for _ in range(3):
        fours = op.floor(op.multiply(left, ops.constant(np.float32(0.25))))
        pairs.append(op.subtract(left, op.multiply(fours, ops.constant(np.float32(4.0)))))
        left = fours
    levels = op.concat([*pairs, left], axis=1)
    return op.subtract(
        op.multiply(levels, ops.constant(np.float32(2.0))), ops.constant(np.float32(3.0))
    )


def projected_lengths(head: JoinHead) -> ov.Model:
    """Return the graph of states [n, width] to the lengths [n, 1] of their projections."""
    states = op.parameter([-1, head.projection.shape[1]], np.float32, name="states")
    states.output(0).set_names({"states"})
    product = op.matmul(states, ops.constant(head.projection), False, True)
    projected = op.add(product, ops.constant(head.bias))
    squares = op.reduce_sum(op.multiply(projected, projected), ops.constant([1]), True)
    lengths = op.sqrt(squares)
    lengths.output(0).set_names({"lengths"})
    return ov.Model([op.result(lengths)], [states], "secondpass lengths")


def join_head(model: ov.Model, spec: ModelSpec) -> JoinHead:
    """Return the numbers of the score at the join, with the line of its exit if it has one.

    The projection and the gate are linear: they are read off what they make of unit vectors, so
    that it does not matter what an int8 graph has put between.
    """
    score, projection = named_nodes(model, [EARLY_SCORE, EARLY_PROJECTION], spec)
    weights = _constant_of(score.input_value(0).get_node())
    projected, gates = _on_unit_vectors(model, spec)
    return JoinHead(
        projection=np.ascontiguousarray(projected.T),
        bias=np.zeros(projected.shape[1], np.float32) + _bias_behind(projection),
        gate=gates[:, 0],
        weights=weights.reshape(2),
        line=exit_line(spec, spec.needed("join_layer")),
    )


def below_digest(model: ov.Model, spec: ModelSpec) -> str:
    """Return a digest of every weight and setting at or below the join, hex.

    Late interaction's projection is among them, the gate and the weights of the score are not: no
    state and no length depends on these.
    """
    nodes = named_nodes(model, [_join_output(spec), EARLY_PROJECTION], spec)
    settings = {key: spec.config.get(key) for key in _SETTINGS}
    hashed = sha256(repr(sorted(settings.items())).encode())
    known: dict[str, bytes] = {}
    for node in nodes:
        hashed.update(_node_digest(node, known))
    return hashed.hexdigest()


def _join_output(spec: ModelSpec) -> str:
    return layer_output(spec.needed("join_layer"))


def _node_digest(last: Node, known: dict[str, bytes]) -> bytes:
    """Return a digest of a node and all that it depends on, whatever order a file lists them in."""
    waiting = [last]
    while waiting:
        node = waiting[-1]
        inputs = [value.get_node() for value in node.input_values()]
        unknown = [one for one in inputs if one.get_name() not in known]
        if unknown:
            waiting += unknown
            continue
        waiting.pop()
        if node.get_name() in known:
            continue
        hashed = sha256(node.get_type_name().encode())
        if node.get_type_name() == "Constant":
            values = np.ascontiguousarray(node.data)
            hashed.update(f"{values.dtype} {values.shape}".encode() + values.tobytes())
        for one in inputs:
            hashed.update(known[one.get_name()])
        known[node.get_name()] = hashed.digest()
    return known[last.get_name()]


def _on_unit_vectors(model: ov.Model, spec: ModelSpec) -> list[NDArray[np.float32]]:
    """Return what the products of projection and gate make of each unit vector: [width, n]."""
    names = [_join_output(spec), EARLY_PROJECTION, EARLY_GATE]
    states, *heads = named_nodes(model.clone(), names, spec)
    parameter = put_input_at(states)
    small = ov.Model([op.result(head) for head in heads], [parameter], "secondpass head")
    vectors = ov.Tensor(np.eye(spec.width, dtype=np.float32)[None])
    made = [ov.Tensor(ov.Type.f32, ov.Shape([0])) for _ in heads]
    if not small.evaluate(made, [vectors]):
        raise UnsupportedModelError(f"{spec.name}: its score at the join cannot be computed")
    return [np.array(one.data[0], np.float32) for one in made]


def _bias_behind(product: Node) -> NDArray[np.float32] | float:
    """Return the bias that is added to a product, 0 where none is."""
    for target in product.output(0).get_target_inputs():
        if target.get_node().get_type_name() == "Add":
            return _constant_of(target.get_node())
    return 0.0


def _constant_of(node: Node) -> NDArray[np.float32]:
    """Return the constant among a node's inputs, which a file may keep as float16."""
    for value in node.input_values():
        given = value.get_node()
        if given.get_type_name() == "Convert":
            given = given.input_value(0).get_node()
        if given.get_type_name() == "Constant":
            return np.asarray(given.data, np.float32).reshape(-1)
    raise UnsupportedModelError(
        f"the graph's node {node.get_friendly_name()!r} has no constant: it is another tool's"
    )
