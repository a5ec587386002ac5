"""The activations of a feed-forward layer, by the names that transformers has for them."""

from __future__ import annotations

from collections.abc import Mapping

# The operation of each name. "gelu" is exact, "gelu tanh" its approximation by a tanh.
ACTIVATIONS: Mapping[str, str] = {
    "gelu": "gelu",
    "gelu_python": "gelu",
    "gelu_new": "gelu tanh",
    "gelu_fast": "gelu tanh",
    "gelu_accurate": "gelu tanh",
    "gelu_pytorch_tanh": "gelu tanh",
    "gelu_python_tanh": "gelu tanh",
    "leaky_relu": "leaky relu",
    "linear": "linear",
    "mish": "mish",
    "quick_gelu": "quick gelu",
    "relu": "relu",
    "sigmoid": "sigmoid",
    "silu": "silu",
    "swish": "silu",
    "tanh": "tanh",
}

# The others that transformers knows by name: torch computes them, no builder does.
TORCH_ACTIVATIONS = frozenset(
    {"gelu_10", "hardswish", "laplace", "prelu", "relu2", "relu6", "sqrtsoftplus", "xielu"}
)
