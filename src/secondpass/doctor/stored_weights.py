"""What a model's weight files hold of its embeddings and its head."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondpass.architectures.record import Architecture
from secondpass.engine.openvino import read_graph_file
from secondpass.graph.decoder import logit_rows
from secondpass.graph.tensors import open_tensors
from secondpass.models.spec import ModelSpec

Weights = NDArray[np.float32]

# What may stand between a product and what it reads, and changes no more than scale and shape.
_BETWEEN = {"Convert", "FakeQuantize", "Multiply", "Subtract", "Transpose", "Reshape"}


@dataclass(frozen=True, slots=True)
class StoredHead:
    """The layers between the encoder and the logit: their weights, and what is not there."""

    weights: Mapping[str, Weights]
    missing: tuple[str, ...] = field(default=())


def table_rows(spec: ModelSpec, *names: str) -> int | None:
    """Return the rows of the first tensor with such a name, None where no name tells.

    A name stands for itself and for what ends with a dot and it. Only headers are read.
    """
    if spec.weights.format != "safetensors":
        return None
    with open_tensors(spec.weights.files) as tensors:
        found = tensors.shape_of(*names)
    return None if found is None else found[0]


def read_head(spec: ModelSpec) -> StoredHead | None:
    """Return the head as it is stored, None for an architecture whose head has no known names.

    Raises:
        ModelFileError: the files cannot be read.
    """
    if spec.weights.format != "safetensors":
        return _graph_head(spec)
    if spec.family is None or (spec.logit_score is not None and not spec.decodes):
        return None
    return _named_head(spec, spec.family)


def _named_head(spec: ModelSpec, family: Architecture) -> StoredHead:
    found: dict[str, Weights] = {}
    missing: list[str] = []
    if spec.readout is not None:
        return _module_head(spec)
    with open_tensors(spec.weights.files) as tensors:
        for layer in family.head.layers:
            # A bare encoder's pooler has no prefix.
            prefixes = (family.names.prefix, "") if family.names else ("",)
            names = [f"{layer.format(prefix)}.weight" for prefix in prefixes]
            stored = next((name for name in names if name in tensors), None)
            if stored is None:
                missing.append(names[0])
                continue
            found[stored] = tensors[stored]
            bias = stored.removesuffix("weight") + "bias"
            if bias in tensors:
                found[bias] = tensors[bias]
    return StoredHead(found, tuple(missing))


def _module_head(spec: ModelSpec) -> StoredHead:
    """Return the weights of the modules behind the encoder, by file and name."""
    found: dict[str, Weights] = {}
    if spec.logit_score is not None:
        with open_tensors(spec.weights.files) as tensors:
            return StoredHead(dict(logit_rows(spec, spec.logit_score, tensors)))
    for file in spec.module_weights:
        with open_tensors((file,)) as tensors:
            found |= {f"{file.parent.name}.{name}": tensors[name] for name in tensors.names()}
    return StoredHead(found)


def _graph_head(spec: ModelSpec) -> StoredHead:
    """Find the two dense layers nearest to the logit; a graph's constants need have no names."""
    model = read_graph_file(spec)
    found: dict[str, Weights] = {}
    missing = []
    for product, weight in _dense_layers_from(model.output(0).get_node()):
        if not found and _wants_tanh(spec) and not _follows_tanh(product):
            missing.append("the pooler's tanh before the last layer")
        found[product.get_friendly_name()] = np.asarray(weight.data, np.float32)
        if len(found) == 2:
            break
    return StoredHead(found, tuple(missing))


def _wants_tanh(spec: ModelSpec) -> bool:
    return spec.family is not None and spec.family.head.activation == "tanh"


def _dense_layers_from(node: Any) -> Iterator[tuple[Any, Any]]:
    """Go back from the result, breadth first, and give each product with a constant."""
    waiting, seen = deque([node]), set()
    while waiting:
        node = waiting.popleft()
        if node.get_name() in seen:
            continue
        seen.add(node.get_name())
        if node.get_type_name() == "MatMul" and (weight := _constant_of(node)) is not None:
            yield node, weight
        waiting.extend(_sources(node))


def _constant_of(product: Any) -> Any | None:
    for source in _sources(product):
        while source.get_type_name() in _BETWEEN:
            source = _sources(source)[0]
        if source.get_type_name() == "Constant":
            return source
    return None


def _follows_tanh(product: Any) -> bool:
    """Tell whether the product reads a tanh, but for the scales that quantization puts between."""
    source = _sources(product)[0]
    while source.get_type_name() in _BETWEEN:
        source = _sources(source)[0]
    return bool(source.get_type_name() == "Tanh")


def _sources(node: Any) -> list[Any]:
    return [node.input(at).get_source_output().get_node() for at in range(node.get_input_size())]
