"""Loads the engine that the table in select.py names, with its graph."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from secondpass.engine.contract import Engine
from secondpass.engine.graph_cache import GraphKey, load_or_build
from secondpass.engine.openvino import (
    OpenVINOEngine,
    held_precision,
    input_names,
    openvino_devices,
    read_graph_file,
)
from secondpass.engine.select import Machine, Wanted, selected
from secondpass.engine.torch import TorchEngine
from secondpass.errors import UnsupportedModelError
from secondpass.graph.build import BUILDER_VERSION, build_graph
from secondpass.graph.openvino import ov
from secondpass.models.spec import ModelSpec, require_one_label
from secondpass.native import native_call, note_engine
from secondpass.options.model import Precision

_KNOWN_INPUTS = {"input_ids", "attention_mask", "token_type_ids"}


@native_call()
def load_engine(
    spec: ModelSpec, *, precision: Precision, device: str, threads: int, cache_dir: Path
) -> Engine:
    """Load a model: a built graph, a graph file as it is, or torch for any other architecture.

    Raises:
        UnsupportedModelError: the model has several labels, or no engine runs it at this precision.
        InputError: no engine has this device.
        MissingExtraError: the torch or the int8 extra is needed and not installed.
        EngineError: this process is a fork of one that had loaded an engine.
    """
    note_engine()
    machine = Machine(openvino_devices(), torch=find_spec("sentence_transformers") is not None)
    name = selected(Wanted.of(spec, precision, device), machine, spec.name)
    if name == "torch":
        return TorchEngine(spec, device=device.lower(), threads=threads)
    if spec.weights.format == "safetensors":
        model = _cached_graph(spec, precision, cache_dir)
    else:
        model = _checked_graph_file(spec, precision)
    if not spec.embeds:
        _check_labels(model, spec)
    return OpenVINOEngine(
        model, precision=precision, device=device.lower(), threads=threads, spec=spec
    )


def _checked_graph_file(spec: ModelSpec, precision: Precision) -> ov.Model:
    """Read an IR or ONNX file as it is; only the precision that it holds is available."""
    model = read_graph_file(spec)
    unknown = set(input_names(model)) - _KNOWN_INPUTS
    if unknown:
        raise UnsupportedModelError(
            f"{spec.weights.entry} wants the inputs {sorted(unknown)}; known are "
            f"{sorted(_KNOWN_INPUTS)}"
        )
    held = held_precision(model)
    if precision not in ("auto", held):
        raise UnsupportedModelError(
            f"{spec.name} holds an {held} graph only, so precision {precision!r} is not "
            f"available for it; take 'auto' or {held!r}, or a folder with model.safetensors"
        )
    return model


def _cached_graph(spec: ModelSpec, precision: Precision, cache_dir: Path) -> ov.Model:
    """Return the graph built from safetensors; "auto" and "fp32" share one."""
    if precision == "int8":
        from secondpass.graph.quantize import CALIBRATION_VERSION, quantize

        key = _key(spec, "int8", CALIBRATION_VERSION)
        return load_or_build(cache_dir, key, spec.name, lambda: quantize(build_graph(spec), spec))
    return load_or_build(cache_dir, _key(spec, "fp32"), spec.name, lambda: build_graph(spec))


def _key(spec: ModelSpec, precision: str, calibration: str | None = None) -> GraphKey:
    return GraphKey(
        weights_sha256=spec.weights_sha256,
        config_sha256=spec.settings_sha256,
        pooling="embedding" if spec.embeds else None,
        precision=precision,
        builder_version=BUILDER_VERSION,
        openvino_version=ov.__version__,
        calibration=calibration,
    )


def _check_labels(model: ov.Model, spec: ModelSpec) -> None:
    labels = model.output(0).get_partial_shape()[-1]
    if labels.is_static:
        require_one_label(labels.get_length(), spec.name)
