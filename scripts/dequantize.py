"""Turn a dynamically quantized BERT .onnx (onnxruntime's quantize_dynamic) into safetensors.

    python scripts/dequantize.py model.onnx model.safetensors

A weight is (integer - zero point) * scale. A linear layer's weight has no name of its own in such
a file: it gets that of the bias that is added to its product. Needs onnx.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from safetensors.numpy import save_file

# The bias is added this many nodes after the product at most.
_MOST_STEPS = 6

Consumers = Mapping[str, list[onnx.NodeProto]]
Tensors = dict[str, NDArray[np.generic]]


def dequantize(source: Path, target: Path) -> None:
    """Write the weights of `source` as float32."""
    save_file(tensors(onnx.load(source).graph), target, metadata={"format": "pt"})


def tensors(graph: onnx.GraphProto) -> Tensors:
    """Return every weight by its name in the original model."""
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    found = {
        name: value
        for name, value in stored.items()
        if value.dtype == np.float32 and value.ndim == 1 and name.endswith((".bias", ".weight"))
    }
    for name in stored:
        if name.endswith("embeddings.weight_quantized"):
            base = name.removesuffix("_quantized")
            found[base] = _weight(stored, base)
    consumers = _consumers(graph)
    for node in graph.node:
        if node.op_type == "MatMulInteger":
            base = node.input[1].removesuffix("_quantized")
            bias = _bias_after(node.output[0], consumers, stored)
            if bias is None:
                raise SystemExit(f"no bias follows {base}: its name cannot be told")
            weight = np.ascontiguousarray(_weight(stored, base).T)
            found[bias.removesuffix("bias") + "weight"] = weight
    return found


def _weight(stored: Tensors, base: str) -> NDArray[np.float32]:
    integers, scale, zero_point = (
        stored[f"{base}_{part}"].astype(np.float32) for part in ("quantized", "scale", "zero_point")
    )
    return np.asarray((integers - zero_point) * scale, np.float32)


def _consumers(graph: onnx.GraphProto) -> Consumers:
    consumers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            consumers.setdefault(name, []).append(node)
    return consumers


def _bias_after(output: str, consumers: Consumers, stored: Tensors) -> str | None:
    for _ in range(_MOST_STEPS):
        users = consumers.get(output, [])
        for user in users:
            biases = [name for name in user.input if name in stored and name.endswith(".bias")]
            if user.op_type == "Add" and biases:
                return biases[0]
        if not users:
            return None
        output = users[0].output[0]
    return None


if __name__ == "__main__":
    dequantize(Path(sys.argv[1]), Path(sys.argv[2]))
