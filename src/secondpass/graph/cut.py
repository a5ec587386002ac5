"""Cuts a built graph, int8 or not, into stages at the outputs of its layers.

A stage that ends in an exit gives "logits" [rows, 1] and what the next one reads of it; the next
one takes that as inputs of the same names. So nothing is computed twice, and the operations and the
scales of an int8 graph are the whole graph's own.
"""

from __future__ import annotations

from collections.abc import Iterable

from secondpass.errors import Argument, UnsupportedModelError
from secondpass.graph.exits import carried_names, exit_logit
from secondpass.graph.openvino import op, ov
from secondpass.graph.ops import Inputs, Node
from secondpass.models.spec import ModelSpec

LOGITS = "logits"


def cut(model: ov.Model, spec: ModelSpec, *, after: int | None, until: int | None) -> ov.Model:
    """Return the stage from behind `after` layers to the exit behind `until` layers.

    `after` None begins at the graph's inputs, `until` None ends at its output. The graph itself
    stays as it is.

    Raises:
        UnsupportedModelError: the graph's layers have no names, as those of other tools.
        ModelFileError: a tensor of the exit head is missing.
    """
    clone = model.clone()
    nodes = _by_name(clone)
    for name in () if after is None else carried_names(spec, after):
        nodes[name] = put_input_at(_named(nodes, name, spec))
    if until is None:
        results = clone.get_results()
    else:
        carried = [_named(nodes, name, spec) for name in carried_names(spec, until)]
        logit = exit_logit(spec, until, carried, _inputs(clone))
        logit.output(0).set_names({LOGITS})
        for node in carried:
            node.output(0).set_names({node.get_friendly_name()})
        results = [op.result(node) for node in (logit, *carried)]
    return ov.Model(results, parameters_of(results), "secondpass stage")


def require_cut(model: ov.Model, spec: ModelSpec, layers: Iterable[int]) -> None:
    """Raise an UnsupportedModelError unless a graph can be cut after each of these layers."""
    nodes = _by_name(model)
    for layer in layers:
        for name in carried_names(spec, layer):
            _named(nodes, name, spec)


def named_nodes(model: ov.Model, names: Iterable[str], spec: ModelSpec) -> list[Node]:
    """Return the nodes of these names; an UnsupportedModelError where the graph lacks one."""
    nodes = _by_name(model)
    return [_named(nodes, name, spec) for name in names]


def _by_name(model: ov.Model) -> dict[str, Node]:
    return {node.get_friendly_name(): node for node in model.get_ops()}


def _named(nodes: dict[str, Node], name: str, spec: ModelSpec) -> Node:
    if name not in nodes:
        raise UnsupportedModelError(
            f"{spec.name}: its graph has no node {name!r} and cannot be cut there: a graph file "
            "of another tool or of an older secondpass has none; use ",
            Argument("effort", "full"),
            ", or a folder with model.safetensors",
        )
    return nodes[name]


def put_input_at(node: Node) -> Node:
    """Put an input of the same name and shape in a node's place."""
    output, name = node.output(0), node.get_friendly_name()
    parameter = op.parameter(output.get_partial_shape(), output.get_element_type(), name=name)
    parameter.output(0).set_names({name})
    for target in output.get_target_inputs():
        target.replace_source_output(parameter.output(0))
    return parameter


def _inputs(model: ov.Model) -> Inputs:
    """Return the inputs of a graph as its builder knew them."""
    return Inputs.of({port.get_any_name(): port.get_node() for port in model.inputs})


def parameters_of(results: Iterable[Node]) -> list[Node]:
    """Return the inputs that results depend on."""
    seen: set[str] = set()
    waiting, parameters = list(results), []
    while waiting:
        node = waiting.pop()
        if node.get_name() in seen:
            continue
        seen.add(node.get_name())
        if node.get_type_name() == "Parameter":
            parameters.append(node)
        waiting += [value.get_node() for value in node.input_values()]
    return parameters
