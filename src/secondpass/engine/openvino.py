"""The OpenVINO engine: one compiled graph, a few infer requests shared by all threads."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from secondpass.engine.compiled import CompiledGraph, Slots
from secondpass.engine.contract import Batch, EngineInfo, Exits, Join, Policy
from secondpass.engine.joined import JoinedGraph
from secondpass.engine.prefixed import PrefixedGraph
from secondpass.engine.staged import StagedGraph
from secondpass.errors import ModelFileError
from secondpass.graph.exits import exit_layers
from secondpass.graph.int8_form import extreme_product, extreme_states
from secondpass.graph.openvino import ov
from secondpass.graph.past import PAST
from secondpass.models.spec import ModelSpec
from secondpass.native import keep_in_forks, native_call
from secondpass.options.model import Precision

# More streams than this gain nothing for the dozen batches of a hundred candidates.
_MOST_STREAMS = 4
# OpenVINO keeps what it made for this many shapes of each kind, by default 5,000: with a new shape
# in most batches, memory grew with the candidates. Made anew it costs no time that can be measured.
_KEPT_SHAPES = 16
_EXACT = {"INFERENCE_PRECISION_HINT": "f32"}


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
        continues = PAST in input_names(model)
        self.policy = Policy(streams=min(threads, _MOST_STREAMS), prefixes=continues)
        properties = _properties(precision, device, threads, self.policy.streams)
        self._slots = slots = Slots(self.policy.streams)

        @native_call()
        def compile_(graph: ov.Model, exact: bool = False) -> ov.CompiledModel:
            how = properties | (_EXACT if exact else {})
            return _core().compile_model(graph, device.upper(), how)

        compiled = compile_(model)
        self._graph = CompiledGraph(compiled, slots)
        self._prefixed: PrefixedGraph | None = None
        if continues:
            past = model.input(PAST).get_partial_shape()
            self._prefixed = PrefixedGraph(self._graph, past)
        # Only a model that has exits is kept to be cut.
        self._stages: StagedGraph | None = None
        if spec is not None and (layers := exit_layers(spec)):
            self._stages = StagedGraph(
                model,
                spec,
                layers,
                lambda stage: CompiledGraph(compile_(stage), slots),
                self.policy,
            )
        self._joined = (
            JoinedGraph(
                model, spec, lambda part, exact: CompiledGraph(compile_(part, exact), slots)
            )
            if spec is not None and spec.joins_late
            else None
        )
        arithmetic = str(compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name())
        held = held_precision(model)
        self.info = EngineInfo(f"openvino {ov.__version__}", device, held, arithmetic, threads)

    @property
    def exits(self) -> Exits | None:
        """The same graph in stages; None for a model without exit heads."""
        return self._stages

    @property
    def join(self) -> Join | None:
        """The same graph parted at its join; None for one that is not late-joined."""
        return self._joined

    def run(self, batches: Sequence[Batch]) -> list[NDArray[np.float32]]:
        """Return one float32 array [rows, outputs] for each batch, in order."""
        if self._prefixed is not None:
            outputs = self._prefixed.run(batches)
        else:
            outputs = self._graph.run(batch.columns for batch in batches)
        return [next(iter(output.values())) for output in outputs]

    def close(self) -> None:
        """Wait for the batches being computed and free the graphs."""
        self._slots.close()
        self._graph.free()
        if self._stages is not None:
            self._stages.free()
        if self._joined is not None:
            self._joined.free()


def openvino_devices() -> tuple[str, ...]:
    """Return the devices of this machine by their OpenVINO names in lower case."""
    return tuple(name.lower() for name in _core().available_devices)


@cache
def int8_saturates() -> bool:
    """Tell whether sums of int8 products are cut at 16 bits here: one product at its limits says.

    The flags of a processor do not say it on every system, and OpenVINO may be told to leave some
    of them unused.
    """
    model, exact = extreme_product()
    compiled = _core().compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1})
    found = next(iter(compiled(extreme_states()).values()))
    return bool(np.abs(found - exact).max() > exact / 100)


def read_model(file: Any) -> ov.Model:
    """Read an OpenVINO IR or ONNX file."""
    return _core().read_model(file)


def read_graph_file(spec: ModelSpec) -> ov.Model:
    """Read a model's IR or ONNX file; one that cannot be read is an error that names it."""
    try:
        return read_model(spec.weights.entry)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise ModelFileError(f"{spec.weights.entry} cannot be read: {reason}") from error


def held_precision(model: ov.Model) -> Literal["int8", "fp32"]:
    """Return "int8" for a graph that is quantized, or whose weights are, else "fp32"."""
    quantized = any(
        operation.get_type_name() == "FakeQuantize" or _holds_int8(operation)
        for operation in model.get_ops()
    )
    return "int8" if quantized else "fp32"


def _holds_int8(operation: Any) -> bool:
    """Tell whether an operation makes numbers of weights that are kept in 8 bits."""
    if operation.get_type_name() != "Convert":
        return False
    source = operation.input_value(0)
    is_constant = source.get_node().get_type_name() == "Constant"
    return is_constant and source.get_element_type().get_type_name() in ("i8", "u8")


def input_names(model: ov.Model) -> list[str]:
    """Return the names of a graph's inputs."""
    return [port.get_any_name() for port in model.inputs]


@cache
def _core() -> ov.Core:
    """Return the process's one core: each loads its own plugins."""
    core = ov.Core()
    keep_in_forks(core)
    return core


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
        properties |= _EXACT
    return properties
