"""The same network in stages: after each, some rows exit and the rest continue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from threading import Lock

import numpy as np

from secondpass.engine.compiled import CompiledGraph
from secondpass.engine.contract import NO_EXIT, Batch, Choose, Policy, Staged
from secondpass.graph.cut import LOGITS, cut, require_cut
from secondpass.graph.openvino import ov
from secondpass.graph.ops import layer_output
from secondpass.models.boundary import at_the_boundary
from secondpass.models.spec import ModelSpec
from secondpass.scoring.rebatch import rebatch, with_states

# The layers after which a stage begins and ends; None is the graph's own beginning or end.
Span = tuple[int | None, int | None]


class StagedGraph:
    """Cuts and compiles a graph's stages when they are first asked for."""

    def __init__(
        self,
        model: ov.Model,
        spec: ModelSpec,
        layers: tuple[int, ...],
        compile_stage: Callable[[ov.Model], CompiledGraph],
        policy: Policy,
    ) -> None:
        self._model = model
        self._spec = spec
        self._layers = layers
        self._compile = compile_stage
        self._policy = policy
        self._stages: dict[Span, CompiledGraph] = {}
        self._lock = Lock()

    @cached_property
    def layers(self) -> tuple[int, ...]:
        """Return after how many layers this model has an exit, where its graph can be cut."""
        require_cut(self._model, self._spec, self._layers)
        return self._layers

    @cached_property
    def state_bytes(self) -> int:
        """Return what one token takes in memory between two stages: a float32 hidden state."""
        states = {layer_output(layers) for layers in self.layers}
        widths = [
            node.get_output_partial_shape(0)[-1].get_length()
            for node in self._model.get_ops()
            if node.get_friendly_name() in states
        ]
        return 4 * max(widths, default=0)

    def run(self, batches: Sequence[Batch], layers: Sequence[int], choose: Choose) -> Staged:
        """Compute all rows up to the first of `layers`, and further only those chosen there.

        Every batch is through a stage before it is chosen which rows continue.
        """
        count = sum(len(batch.positions) for batch in batches)
        staged = Staged(np.full(count, -np.inf, np.float32), np.full(count, NO_EXIT, np.int16))
        going = np.ones(count, np.bool_)
        after: int | None = None
        for layer in layers:
            batches = self._advance(self._stage(after, layer), batches, staged)
            chosen = going & choose(layer, np.where(going, staged.logits, -np.inf))
            staged.exit_layer[going & ~chosen] = layer
            batches, going, after = rebatch(batches, chosen, self._policy), chosen, layer
        self._advance(self._stage(after, None), batches, staged)
        return staged

    def free(self) -> None:
        """Let go of the stages' memory; call it once the engine's slots are closed."""
        with self._lock:
            for stage in self._stages.values():
                stage.free()

    def _advance(
        self, stage: CompiledGraph, batches: Sequence[Batch], staged: Staged
    ) -> list[Batch]:
        """Run a stage, note its logits, and return what the next one needs."""
        outputs = stage.run(batch.columns for batch in batches)
        for batch, output in zip(batches, outputs, strict=True):
            staged.logits[batch.positions] = next(iter(output.values()))[:, 0]
        return [
            with_states(batch, {name: value for name, value in output.items() if name != LOGITS})
            for batch, output in zip(batches, outputs, strict=True)
        ]

    def _stage(self, after: int | None, until: int | None) -> CompiledGraph:
        with self._lock:
            if (after, until) not in self._stages:
                self._stages[after, until] = _stage_of(
                    self._spec, self._model, (after, until), self._compile
                )
            return self._stages[after, until]


@at_the_boundary
def _stage_of(
    spec: ModelSpec, model: ov.Model, span: Span, compile_stage: Callable[[ov.Model], CompiledGraph]
) -> CompiledGraph:
    return compile_stage(cut(model, spec, after=span[0], until=span[1]))
