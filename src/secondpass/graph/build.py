"""The selector: which builder makes the graph of which architecture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from secondpass.errors import ModelFileError, UnsupportedModelError
from secondpass.graph.families import FAMILIES, LATE_JOIN
from secondpass.graph.late_join import build_late_join
from secondpass.graph.modernbert import build_modernbert
from secondpass.graph.openvino import ov
from secondpass.graph.post_norm import build_post_norm
from secondpass.graph.tensors import Tensors, open_tensors
from secondpass.models.spec import ModelSpec

# Raise it whenever a builder changes what it builds: cached graphs of older builders are not used.
BUILDER_VERSION = 2

_BUILDERS: dict[str, Callable[[ModelSpec, Tensors], ov.Model]] = {
    **dict.fromkeys(FAMILIES, build_post_norm),
    "modernbert": build_modernbert,
    LATE_JOIN: build_late_join,
}


def can_build(spec: ModelSpec) -> bool:
    """Tell whether a builder knows this architecture and nothing follows its head."""
    plain = all(module == "Transformer" for module in spec.module_types)
    return spec.architecture in _BUILDERS and (plain or spec.pooling is not None)


def build_graph(spec: ModelSpec) -> ov.Model:
    """Build the graph of a safetensors model.

    Raises:
        UnsupportedModelError: no builder knows the architecture.
        ModelFileError: a weight is missing, a file is corrupt, or config and weights do not fit.
    """
    if spec.architecture not in _BUILDERS:
        raise UnsupportedModelError(
            f"{spec.name}: no graph builder for architecture {spec.architecture!r}; there is "
            f"one for {', '.join(sorted(_BUILDERS))}"
        )
    with open_tensors(spec.weights.files) as tensors, _errors_that_name(spec):
        return _BUILDERS[spec.architecture](spec, tensors)


@contextmanager
def _errors_that_name(spec: ModelSpec) -> Iterator[None]:
    """Turn what a config makes of a builder that does not fit its weights into one error."""
    try:
        yield
    except KeyError as error:
        raise ModelFileError(f"{spec.folder / 'config.json'} has no {error}") from error
    except (TypeError, ValueError, ZeroDivisionError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
        raise ModelFileError(
            f"{spec.folder / 'config.json'} does not fit the weights beside it: {reason}"
        ) from error
