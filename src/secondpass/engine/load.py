"""The selector: which engine runs a model, and with which graph."""

from __future__ import annotations

from pathlib import Path

from secondpass.engine.contract import Engine
from secondpass.engine.graph_cache import GraphKey, load_or_build
from secondpass.engine.openvino import (
    OpenVINOEngine,
    checked_device,
    held_precision,
    input_names,
    read_model,
)
from secondpass.engine.torch import TorchEngine
from secondpass.errors import ModelFileError, UnsupportedModelError
from secondpass.graph.build import BUILDER_VERSION, build_graph, can_build
from secondpass.graph.openvino import ov
from secondpass.models.spec import ModelSpec, require_one_label
from secondpass.options.model import Precision

_KNOWN_INPUTS = {"input_ids", "attention_mask", "token_type_ids"}


def load_engine(
    spec: ModelSpec, *, precision: Precision, device: str, threads: int, cache_dir: Path
) -> Engine:
    """Load a model: a built graph, a graph file as it is, or torch for any other architecture.

    Raises:
        UnsupportedModelError: the model has several labels, or not this precision.
        MissingExtraError: the torch or the int8 extra is needed and not installed.
    """
    if spec.weights.format != "safetensors":
        model = _read_graph_file(spec, precision)
        device = checked_device(device)
    elif can_build(spec):
        device = checked_device(device)
        model = _cached_graph(spec, precision, cache_dir)
    else:
        return TorchEngine(spec, precision=precision, device=device, threads=threads)
    if spec.pooling is None:
        _check_labels(model, spec)
    return OpenVINOEngine(model, precision=precision, device=device, threads=threads, spec=spec)


def _read_graph_file(spec: ModelSpec, precision: Precision) -> ov.Model:
    """Read an IR or ONNX file as it is; only what it holds can be asked of it."""
    try:
        model = read_model(spec.weights.entry)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise ModelFileError(f"{spec.weights.entry} cannot be read: {reason}") from error
    unknown = set(input_names(model)) - _KNOWN_INPUTS
    if unknown:
        raise UnsupportedModelError(
            f"{spec.weights.entry} wants the inputs {sorted(unknown)}; known are "
            f"{sorted(_KNOWN_INPUTS)}"
        )
    held = held_precision(model)
    if precision not in ("auto", held):
        raise UnsupportedModelError(
            f"{spec.name} holds an {held} graph only, so precision {precision!r} cannot be had "
            f"from it; take 'auto' or {held!r}, or a folder with model.safetensors"
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
        config_sha256=spec.config_sha256,
        pooling=spec.pooling,
        precision=precision,
        builder_version=BUILDER_VERSION,
        openvino_version=ov.__version__,
        calibration=calibration,
    )


def _check_labels(model: ov.Model, spec: ModelSpec) -> None:
    labels = model.output(0).get_partial_shape()[-1]
    if labels.is_static:
        require_one_label(labels.get_length(), spec.name)
