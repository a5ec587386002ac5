"""The OpenVINO engine: one compiled graph, a few infer requests shared by all threads."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from secondpass.engine.compiled import CompiledGraph, Slots
from secondpass.engine.contract import EngineInfo, StagedEngine
from secondpass.engine.staged import StagedGraph
from secondpass.errors import InputError
from secondpass.graph.exits import exit_layers
from secondpass.graph.openvino import ov
from secondpass.models.spec import ModelSpec
from secondpass.options.model import Precision
from secondpass.scoring.batches import Batch

# More streams than this gain nothing for the dozen batches of a hundred candidates.
_MOST_STREAMS = 4
# OpenVINO keeps what it made for so many shapes of each kind, by default 5,000: with a new shape in
# most batches, memory grew with the candidates. Made anew it costs no time that can be measured.
_KEPT_SHAPES = 16


class OpenVINOEngine:
    """Runs a graph whose inputs are some of input_ids, attention_mask and token_type_ids."""

    def __init__(
        self,
        model: ov.Model,
        *,
        precision: Precision,
        device: str,
        threads: int,
        spec: ModelSpec | None = None,
    ) -> None:
        self.streams = min(threads, _MOST_STREAMS)
        properties = _properties(precision, device, threads, self.streams)
        slots = Slots(self.streams)

        def compile_(graph: ov.Model) -> ov.CompiledModel:
            return _core().compile_model(graph, device.upper(), properties)

        compiled = compile_(model)
        self._graph = CompiledGraph(compiled, slots)
        # Only a model that has exits is kept to be cut.
        self.staged: StagedEngine | None = None
        if spec is not None and (exits := exit_layers(spec)):
            self.staged = StagedGraph(
                model,
                spec,
                exits,
                lambda stage: CompiledGraph(compile_(stage), slots),
                self.streams,
            )
        arithmetic = str(compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name())
        held = held_precision(model)
        self.info = EngineInfo(f"openvino {ov.__version__}", device, held, arithmetic, threads)

    def run(self, batches: Sequence[Batch]) -> list[NDArray[np.float32]]:
        """Return one float32 array [rows, outputs] for each batch, in order."""
        names = self._graph.input_names
        columns = [{name: getattr(batch, name) for name in names} for batch in batches]
        return [next(iter(outputs.values())) for outputs in self._graph.run(columns)]


def checked_device(device: str) -> str:
    """Return a device this machine has, by its OpenVINO name in lower case."""
    available = [name.lower() for name in _core().available_devices]
    if device.lower() not in available:
        raise InputError(
            f"device {device!r} is not on this machine; there is {', '.join(available)}"
        )
    return device.lower()


def read_model(file: Any) -> ov.Model:
    """Read an OpenVINO IR or ONNX file."""
    return _core().read_model(file)


def held_precision(model: ov.Model) -> Literal["int8", "fp32"]:
    """Return "int8" for a quantised graph, else "fp32"."""
    quantised = any(operation.get_type_name() == "FakeQuantize" for operation in model.get_ops())
    return "int8" if quantised else "fp32"


def input_names(model: ov.Model) -> list[str]:
    """Return the names of a graph's inputs."""
    return [port.get_any_name() for port in model.inputs]


@cache
def _core() -> ov.Core:
    """Return the process's one core: each loads its own plugins."""
    return ov.Core()


def _properties(precision: Precision, device: str, threads: int, streams: int) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    if device == "cpu":
        properties |= {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": streams,
            # Pinned threads of two processes would meet on the same cores.
            "ENABLE_CPU_PINNING": False,
            "CPU_RUNTIME_CACHE_CAPACITY": _KEPT_SHAPES,
        }
    if precision == "fp32":
        properties["INFERENCE_PRECISION_HINT"] = "f32"
    return properties
