"""Loads the engine that the table in select.py names, with its graph."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from secondpass.checks import shortened
from secondpass.engine.contract import Engine
from secondpass.engine.graph_cache import GraphKey, load_or_build
from secondpass.engine.openvino import (
    OpenVINOEngine,
    held_precision,
    input_names,
    int8_saturates,
    openvino_devices,
    read_graph_file,
)
from secondpass.engine.select import EngineName, Machine, Wanted, reason, selected
from secondpass.engine.torch import TorchEngine
from secondpass.errors import EngineError, ModelFileError, UnsupportedModelError
from secondpass.graph.build import BUILDER_VERSION, build_graph
from secondpass.graph.int8_form import in_float, may_saturate, rounds_states
from secondpass.graph.openvino import ov
from secondpass.graph.past import KEPT, PAST
from secondpass.models.boundary import at_the_boundary, first_line
from secondpass.models.plain_files import require_plain_files
from secondpass.models.spec import ModelSpec
from secondpass.native import native_call, note_engine
from secondpass.options.model import Precision
from secondpass.scoring.batches import pad_batch
from secondpass.scoring.pairs import Pair

_NEEDED_INPUTS = {"input_ids", "attention_mask"}
_KNOWN_INPUTS = {"input_ids", "attention_mask", "token_type_ids"}


@native_call()
@at_the_boundary
def load_engine(
    spec: ModelSpec,
    *,
    precision: Precision,
    device: str,
    threads: int,
    cache_dir: Path,
    or_held: bool = False,
) -> Engine:
    """Load a model: a built graph, a graph file as it is, or torch for any other architecture.

    `or_held` takes a graph file of another precision than is asked for at "auto".

    Raises:
        ModelFileError: its files are broken, do not fit each other, or cannot be computed.
        UnsupportedModelError: no engine runs it at this precision.
        InputError: no engine has this device.
        MissingExtraError: the torch or the int8 extra is needed and not installed.
        EngineError: this process is a fork of one that had loaded an engine.
    """
    note_engine()
    if engine_of(spec, precision, device) == "torch":
        return TorchEngine(spec, device=device.lower(), threads=threads, precision=precision)
    if spec.weights.format == "safetensors":
        model = _cached_graph(spec, precision, cache_dir)
    else:
        model = _checked_graph_file(spec)
    held = held_precision(model)
    if spec.weights.format != "safetensors" and precision not in ("auto", held):
        if not or_held:
            raise UnsupportedModelError(
                f"{spec.name} holds an {held} graph only, so precision {precision!r} is not "
                f"available for it; take 'auto' or {held!r}, or a folder with model.safetensors"
            )
        precision = "auto"
    states = rounds_states(model)
    cut = states and saturates(model, device)
    if cut and precision == "auto":
        model = in_float(model)
    engine = OpenVINOEngine(
        model, precision=precision, device=device.lower(), threads=threads, spec=spec
    )
    why = reason(precision, held, engine.info.arithmetic, states=states, cut=cut)
    outputs = _try(engine, spec)
    engine.info = replace(engine.info, precision=held, reason=why, outputs=outputs)
    return engine


def engine_of(spec: ModelSpec, precision: Precision, device: str) -> EngineName:
    """Return the engine that runs a model; nothing is loaded.

    Raises:
        MissingExtraError, InputError, UnsupportedModelError: as `load_engine`.
    """
    machine = Machine(openvino_devices(), torch=find_spec("sentence_transformers") is not None)
    return selected(Wanted.of(spec, precision, device), machine, spec.name)


def saturates(model: ov.Model, device: str) -> bool:
    """Tell whether products of an int8 graph may be cut at 16 bits where it runs."""
    return device.lower() == "cpu" and may_saturate(model) and int8_saturates()


def _try(engine: Engine, spec: ModelSpec) -> int:
    """Compute two rows of different length, so that what cannot be computed shows at load.

    Return how many numbers a row has.
    """
    rows = [Pair(np.zeros(length, np.int32), np.zeros(length, np.int32)) for length in (2, 1)]
    try:
        output = engine.run([pad_batch(rows, np.arange(2), 2, spec.padding_id)])[0]
    except EngineError as error:
        why = first_line(error.__cause__ or error)
        raise ModelFileError(f"{spec.weights.entry} cannot be computed: {why}") from error
    width = spec.dimension if spec.embeds else spec.labels or output.shape[-1]
    if output.shape != (2, width):
        raise ModelFileError(
            f"{spec.weights.entry} gives {list(output.shape)} for two texts, expected {[2, width]}"
        )
    return int(width)


def _checked_graph_file(spec: ModelSpec) -> ov.Model:
    """Read an IR or ONNX file as it is."""
    require_plain_files(spec.folder)  # an ONNX file names others, which OpenVINO opens
    model = read_graph_file(spec)
    wanted = set(input_names(model))
    continues = {PAST, KEPT} if spec.decodes else set()
    if not _NEEDED_INPUTS <= wanted <= _KNOWN_INPUTS | continues:
        raise UnsupportedModelError(
            f"{spec.weights.entry} wants the inputs {shortened(sorted(wanted))}; needed are "
            f"{sorted(_NEEDED_INPUTS)}, known are {sorted(_KNOWN_INPUTS)}"
        )
    if spec.logit_score is not None and not continues <= wanted:
        raise UnsupportedModelError(
            f"{spec.weights.entry} is another graph of a language model than `secondpass compile` "
            "writes: take a folder with model.safetensors, or compile it"
        )
    _require_one_output(model, spec)
    return model


def _cached_graph(spec: ModelSpec, precision: Precision, cache_dir: Path) -> ov.Model:
    """Return the graph built from safetensors; "auto" and "fp32" share one."""
    if precision == "int8":
        from secondpass.graph.quantize import CALIBRATION_VERSION, quantize

        safe = int8_saturates()
        key = _key(spec, "int8", f"{CALIBRATION_VERSION}{', 7 bits' if safe else ''}")
        return load_or_build(
            cache_dir,
            key,
            _name(spec),
            lambda: quantize(build_graph(spec), spec, seven_bits=safe),
        )
    return load_or_build(cache_dir, _key(spec, "fp32"), _name(spec), lambda: build_graph(spec))


def _name(spec: ModelSpec) -> str:
    """Return a name by which the model can be loaded from any folder."""
    return str(spec.folder.absolute()) if spec.origin == "local" else spec.name


def _key(spec: ModelSpec, precision: str, calibration: str | None = None) -> GraphKey:
    return GraphKey(
        weights_sha256=spec.weights_sha256,
        config_sha256=spec.settings_sha256,
        pooling=_readout(spec),
        precision=precision,
        builder_version=BUILDER_VERSION,
        openvino_version=ov.__version__,
        calibration=calibration,
    )


def _readout(spec: ModelSpec) -> str | None:
    """Return what a graph gives, where its settings alone do not say it."""
    score = spec.logit_score
    if score is not None:  # the vocabulary may say which tokens these are
        return f"logits of {score.true_token} and {score.false_token}"
    return "embedding" if spec.embeds else None


def _require_one_output(model: ov.Model, spec: ModelSpec) -> None:
    """Raise unless a graph has one output, or several of which the first is called by its name."""
    names = [min(port.get_names(), default="?") for port in model.outputs]
    if len(names) != 1 and names[:1] not in (["logits"], ["embedding"]):
        raise UnsupportedModelError(
            f"{spec.weights.entry} has the outputs {shortened(names)}, expected one: export the "
            "model with its head alone"
        )
