"""The selector: which builder makes the graph of which architecture."""

from __future__ import annotations

from collections.abc import Callable

import openvino as ov

from secondpass.errors import UnsupportedModelError
from secondpass.graph.families import FAMILIES
from secondpass.graph.modernbert import build_modernbert
from secondpass.graph.post_norm import build_post_norm
from secondpass.graph.tensors import Tensors, open_tensors
from secondpass.models.spec import ModelSpec

# Raise it whenever a builder changes what it builds: cached graphs of older builders are not used.
BUILDER_VERSION = 1

_BUILDERS: dict[str, Callable[[ModelSpec, Tensors], ov.Model]] = {
    **dict.fromkeys(FAMILIES, build_post_norm),
    "modernbert": build_modernbert,
}


def can_build(spec: ModelSpec) -> bool:
    """Tell whether a builder knows this architecture and nothing follows its head."""
    plain = all(module == "Transformer" for module in spec.module_types)
    return spec.architecture in _BUILDERS and (plain or spec.pooling is not None)


def build_graph(spec: ModelSpec) -> ov.Model:
    """Build the graph of a safetensors model.

    Raises:
        UnsupportedModelError: no builder knows the architecture.
        ModelFileError: a weight is missing or a file is corrupt.
    """
    if spec.architecture not in _BUILDERS:
        raise UnsupportedModelError(
            f"{spec.name}: no graph builder for architecture {spec.architecture!r}; there is "
            f"one for {', '.join(sorted(_BUILDERS))}"
        )
    with open_tensors(spec.weights.files) as tensors:
        return _BUILDERS[spec.architecture](spec, tensors)
