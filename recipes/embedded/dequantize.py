"""python -m recipes.embedded.dequantize MODEL.onnx.xz MODEL.safetensors

From a BERT that onnxruntime's quantize_dynamic made int8 to float32. A weight is (integer - zero
point) * scale. A linear layer's weight has no name of its own in such a file: it gets that of the
bias that is added to its product.
"""

from __future__ import annotations

import lzma
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from safetensors.numpy import save_file

Numbers = NDArray[Any]
# How many nodes lie between a product and the addition of its bias, at most.
_STEPS = 6


def main() -> None:
    """Write the tensors of one file."""
    source, target = map(Path, sys.argv[1:3])
    tensors = dequantized(onnx.load_model_from_string(lzma.decompress(source.read_bytes())).graph)
    save_file(tensors, target)
    print(f"{target.name}: {len(tensors)} tensors, {sum(map(np.size, tensors.values())):,} numbers")


def dequantized(graph: onnx.GraphProto) -> dict[str, Numbers]:
    """Return every parameter of the graph in float32, under BERT's names."""
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    return (
        {name: value for name, value in stored.items() if _is_vector(name, value)}
        | _embeddings(stored)
        | _linear_weights(graph, stored)
    )


def _is_vector(name: str, value: Numbers) -> bool:
    """Tell whether it is a bias or a norm's weight: those stay in float32."""
    return value.dtype == np.float32 and value.ndim == 1 and name.endswith((".bias", ".weight"))


def _embeddings(stored: dict[str, Numbers]) -> dict[str, Numbers]:
    names = [
        name.removesuffix("_quantized")
        for name in stored
        if name.endswith("embeddings.weight_quantized")
    ]
    return {name: _weight(stored, name) for name in names}


def _linear_weights(graph: onnx.GraphProto, stored: dict[str, Numbers]) -> dict[str, Numbers]:
    consumers = defaultdict(list)
    for node in graph.node:
        for name in node.input:
            consumers[name].append(node)
    weights = {}
    for node in graph.node:
        if node.op_type == "MatMulInteger":
            bias = _bias_name(node.output[0], consumers, stored)
            value = _weight(stored, node.input[1].removesuffix("_quantized"))
            weights[bias.removesuffix("bias") + "weight"] = np.ascontiguousarray(value.T)
    return weights


def _weight(stored: dict[str, Numbers], name: str) -> Numbers:
    integers, scale, zero_point = (
        stored[f"{name}_{part}"].astype(np.float32) for part in ("quantized", "scale", "zero_point")
    )
    return (integers - zero_point) * scale


def _bias_name(product: str, consumers: dict[str, list[Any]], stored: dict[str, Numbers]) -> str:
    """Follow a product to the addition whose other input is a bias."""
    output = product
    for _ in range(_STEPS):
        for user in consumers[output]:
            named = [name for name in user.input if name in stored and name.endswith(".bias")]
            if user.op_type == "Add" and named:
                return named[0]
        if not consumers[output]:
            break
        output = consumers[output][0].output[0]
    raise SystemExit(f"no bias follows {product}: the name of its weight cannot be told")


if __name__ == "__main__":
    main()
