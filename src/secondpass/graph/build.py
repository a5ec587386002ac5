"""A model's weights to its graph, by the builder that its architecture names."""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from secondpass.architectures.record import Architecture
from secondpass.architectures.table import ARCHITECTURES
from secondpass.errors import UnsupportedModelError
from secondpass.graph.openvino import ov
from secondpass.graph.tensors import Tensors, open_weights
from secondpass.models.boundary import at_the_boundary
from secondpass.models.spec import ModelSpec

# Raise it whenever a builder changes what it builds: cached graphs of older builders are not used.
BUILDER_VERSION = 3


class Builder(Protocol):
    """The `build` of a builder's module."""

    def __call__(self, spec: ModelSpec, family: Architecture, tensors: Tensors) -> ov.Model:
        """Return the graph; its output is "logits" [rows, labels], or "embedding" if pooled."""
        ...


def builder_of(architecture: Architecture) -> Builder:
    """Return the builder that a record names."""
    return cast(Builder, import_module(f"secondpass.graph.{architecture.builder}").build)


def build_graph(spec: ModelSpec) -> ov.Model:
    """Build the graph of a safetensors model.

    Raises:
        UnsupportedModelError: no builder knows the architecture.
        ModelFileError: a weight is missing, a file is corrupt, or config and weights do not fit.
    """
    if spec.family is None:
        raise UnsupportedModelError(
            f"{spec.name}: no graph builder for architecture {spec.architecture!r}; there is "
            f"one for {', '.join(sorted(ARCHITECTURES))}"
        )
    with open_weights(spec.weights) as tensors:
        return builder_of(spec.family)(spec, spec.family, tensors)


@at_the_boundary
def unread_tensors(spec: ModelSpec) -> tuple[str, ...]:
    """Return the tensors that a model's graph does not need; exit heads are read elsewhere.

    Raises:
        ModelFileError: as `build_graph`.
    """
    assert spec.family is not None
    with open_weights(spec.weights) as tensors:
        builder_of(spec.family)(spec, spec.family, tensors)
        return tuple(name for name in tensors.unread() if not name.startswith("exits."))
