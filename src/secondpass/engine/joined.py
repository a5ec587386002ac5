"""A late-joined graph in two: one side up to the join, and both sides behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondpass.engine.compiled import CompiledGraph
from secondpass.engine.contract import Batch, Columns, JoinedBatch, JoinHead
from secondpass.graph.cut import cut
from secondpass.graph.join import (
    below_digest,
    below_join,
    decoded,
    join_head,
    products,
    projected_lengths,
)
from secondpass.graph.late_join import EARLY_SCORE
from secondpass.graph.openvino import ov
from secondpass.graph.ops import layer_output
from secondpass.models.boundary import at_the_boundary
from secondpass.models.spec import ModelSpec
from secondpass.states.compact import Directions, Floats

# Products with a query are computed of so many states at a time: one shape, whatever the texts.
STATES_AT_A_TIME = 2048
# The vectors of a query, and the states of a text, are padded to a multiple: there are few shapes.
_VECTOR_MULTIPLE = 16
_LENGTH_MULTIPLE = 64


# Compiles a graph; where it is exact, in float32 whatever the others are in.
CompilePart = Callable[[ov.Model, bool], CompiledGraph]


class JoinedGraph:
    """Cuts and compiles the two parts of a late-joined graph when they are first asked for."""

    def __init__(self, model: ov.Model, spec: ModelSpec, compile_part: CompilePart) -> None:
        self._model = model
        self._spec = spec
        self._compile = compile_part
        self._parts: dict[Any, CompiledGraph] = {}
        self._lock = Lock()
        self.layer = spec.needed("join_layer")
        self.width = spec.width

    @cached_property
    def digest(self) -> str:
        """Return a digest of every weight and setting at or below the join."""
        return below_digest(self._model, self._spec)

    @cached_property
    def head(self) -> JoinHead:
        """Return the score at the join."""
        return _head_of(self._model, self._spec)

    def below(self, batches: Iterable[Batch]) -> list[NDArray[np.float32]]:
        """Return the states at the join of batches of single sides: [rows, length, width] each."""
        graph = self._part("below", lambda: below_join(self._model, self._spec))
        return _first_outputs(graph, (batch.columns for batch in batches))

    def products(self, values: NDArray[Any], vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return values [n, width] times vectors [k, width]: [n, k]."""
        padded = _padded(vectors, _VECTOR_MULTIPLE)
        width = values.shape[1]
        graph = self._part(
            (values.dtype, width), lambda: products(values.dtype, width, STATES_AT_A_TIME)
        )
        outputs = _first_outputs(
            graph, ({"values": part, "vectors": padded} for part in _parts(values))
        )
        return np.concatenate(outputs)[: len(values), : len(vectors)]

    def decode(self, codes: NDArray[np.uint8], scales: Floats, directions: Directions) -> Floats:
        """Return the states [n, width] of codes [n, b] and scales [n] of one model's directions."""
        graph = self._part("decoded", lambda: decoded(directions, STATES_AT_A_TIME))
        columns = zip(_parts(codes), _parts(scales[:, None]), strict=True)
        outputs = _first_outputs(graph, ({"codes": one, "scales": two} for one, two in columns))
        return np.concatenate(outputs)[: len(codes)]

    def exact_products(
        self, values: NDArray[Any], vectors: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return the products of one text's values, computed in float32."""
        width = values.shape[1]
        graph = self._part(
            ("exact", values.dtype, width), lambda: products(values.dtype, width, -1), exact=True
        )
        (output,) = _first_outputs(
            graph, [{"values": _padded(values, _LENGTH_MULTIPLE), "vectors": vectors}]
        )
        return output[: len(values)]

    def lengths(self, states: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the lengths [n] of the projections of states [n, width], computed in float32."""
        graph = self._part("lengths", lambda: projected_lengths(self.head), exact=True)
        (lengths,) = _first_outputs(graph, [{"states": _padded(states, _LENGTH_MULTIPLE)}])
        return lengths[: len(states), 0]

    def above(self, batches: Iterable[JoinedBatch]) -> list[NDArray[np.float32]]:
        """Return the logits [rows] of batches of states of both sides."""
        graph = self._part(
            "above", lambda: cut(self._model, self._spec, after=self.layer, until=None)
        )
        states = layer_output(self.layer)
        columns = (
            {
                states: batch.states,
                EARLY_SCORE: batch.early,
                "attention_mask": batch.attention_mask,
                "token_type_ids": batch.token_type_ids,
            }
            for batch in batches
        )
        return [output[:, 0] for output in _first_outputs(graph, columns)]

    def free(self) -> None:
        """Let go of the parts' memory; call it once the engine's slots are closed."""
        with self._lock:
            for part in self._parts.values():
                part.free()

    def _part(
        self, name: Any, make: Callable[[], ov.Model], *, exact: bool = False
    ) -> CompiledGraph:
        with self._lock:
            if name not in self._parts:
                self._parts[name] = _compiled(self._compile, make, exact)
            return self._parts[name]


@at_the_boundary
def _compiled(
    compile_part: CompilePart, make: Callable[[], ov.Model], exact: bool
) -> CompiledGraph:
    return compile_part(make(), exact)


@at_the_boundary
def _head_of(model: ov.Model, spec: ModelSpec) -> JoinHead:
    return join_head(model, spec)


def _first_outputs(graph: CompiledGraph, columns: Iterable[Columns]) -> list[NDArray[np.float32]]:
    return [next(iter(output.values())) for output in graph.run(columns)]


def _parts(values: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield `STATES_AT_A_TIME` values at a time, the last of them filled up with zeros."""
    for start in range(0, len(values), STATES_AT_A_TIME):
        yield _padded(values[start : start + STATES_AT_A_TIME], STATES_AT_A_TIME)


def _padded(values: NDArray[Any], multiple: int) -> NDArray[Any]:
    """Return values [n, width], with zeros behind them up to a multiple of rows."""
    count = -(-len(values) // multiple) * multiple
    if count == len(values):
        return values
    padded = np.zeros((count, values.shape[1]), values.dtype)
    padded[: len(values)] = values
    return padded
