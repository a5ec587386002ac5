"""The same network in stages: after each some leave, and the rest go on from where they were."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from threading import Lock

import numpy as np

from secondpass.engine.compiled import CompiledGraph
from secondpass.engine.contract import Choose, Staged
from secondpass.graph.cut import LOGITS, cut, require_cut
from secondpass.graph.openvino import ov
from secondpass.graph.ops import layer_output
from secondpass.models.spec import ModelSpec
from secondpass.scoring.batches import Batch
from secondpass.scoring.rebatch import Rows, rebatch

# Where a stage begins and ends: after so many layers; None is the graph's own begin or end.
Span = tuple[int | None, int | None]


class StagedGraph:
    """Cuts and compiles a graph's stages when they are first asked for."""

    def __init__(
        self,
        model: ov.Model,
        spec: ModelSpec,
        exits: tuple[int, ...],
        compile_stage: Callable[[ov.Model], CompiledGraph],
        streams: int,
    ) -> None:
        self._model = model
        self._spec = spec
        self._exits = exits
        self._compile = compile_stage
        self._streams = streams
        self._stages: dict[Span, CompiledGraph] = {}
        self._lock = Lock()

    @cached_property
    def exit_layers(self) -> tuple[int, ...]:
        """Return after how many layers this model has an exit, where its graph can be cut."""
        require_cut(self._model, self._spec, self._exits)
        return self._exits

    @cached_property
    def state_bytes(self) -> int:
        """Return what one token takes in memory between two stages: a float32 hidden state."""
        states = {layer_output(layers) for layers in self.exit_layers}
        widths = [
            node.get_output_partial_shape(0)[-1].get_length()
            for node in self._model.get_ops()
            if node.get_friendly_name() in states
        ]
        return 4 * max(widths, default=0)

    def run_stages(self, batches: Sequence[Batch], layers: Sequence[int], choose: Choose) -> Staged:
        """Read all rows up to the first of `layers`, and those that are chosen on from there.

        Every batch is through a stage before it is chosen who goes on to the next.
        """
        count = sum(len(batch.positions) for batch in batches)
        staged = Staged(np.full(count, -np.inf, np.float32), np.zeros(count, np.int16))
        going = np.ones(count, np.bool_)
        rows = [Rows.of_batch(batch) for batch in batches]
        after: int | None = None
        for layer in layers:
            rows = self._read(self._stage(after, layer), rows, staged)
            going &= choose(layer, np.where(going, staged.logits, -np.inf))
            staged.exit_layer[~going & (staged.exit_layer == 0)] = layer
            rows, after = rebatch(rows, going, streams=self._streams), layer
        self._read(self._stage(after, None), rows, staged)
        return staged

    def _read(self, stage: CompiledGraph, rows: Sequence[Rows], staged: Staged) -> list[Rows]:
        """Run a stage, note its logits, and return what the next one needs."""
        outputs = stage.run(group.columns for group in rows)
        for group, output in zip(rows, outputs, strict=True):
            staged.logits[group.positions] = next(iter(output.values()))[:, 0]
        return [
            group.with_states({name: value for name, value in output.items() if name != LOGITS})
            for group, output in zip(rows, outputs, strict=True)
        ]

    def _stage(self, after: int | None, until: int | None) -> CompiledGraph:
        with self._lock:
            if (after, until) not in self._stages:
                stage = cut(self._model, self._spec, after=after, until=until)
                self._stages[after, until] = self._compile(stage)
            return self._stages[after, until]
