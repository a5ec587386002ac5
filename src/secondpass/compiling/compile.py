"""Compile, compare, and admit or refuse."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from secondpass.checks import integer
from secondpass.compiling.agreement import measure_agreement
from secondpass.compiling.folder import admit, copy_beside_graph, written_beside
from secondpass.compiling.limits import Limits, criteria
from secondpass.compiling.memory import measure_memory
from secondpass.compiling.quality import measure_quality
from secondpass.compiling.result import Bytes, Calibration, Compiled
from secondpass.compiling.speed import ROUNDS, measure_speed
from secondpass.compiling.texts import Texts, read_texts
from secondpass.engine.openvino import int8_saturates
from secondpass.engine.select import Machine, Wanted, select
from secondpass.environment.machine import read_machine
from secondpass.environment.software import read_software
from secondpass.errors import MissingExtraError, UnsupportedModelError
from secondpass.evaluation.collection import Collection
from secondpass.graph.build import build_graph
from secondpass.graph.quantize import quantize
from secondpass.graph.write import GRAPH_FILE, write_graph
from secondpass.models.files import find_weights
from secondpass.models.folder import find_folder
from secondpass.models.spec import ModelSpec, read_cross_encoder_spec, require_one_label
from secondpass.options.model import DEFAULT_MAX_LENGTH, Precision
from secondpass.progress import ProgressBar, silent
from secondpass.reranker import CrossEncoderReranker
from secondpass.settings import Settings, available_processors


@dataclass(frozen=True, slots=True)
class _Models:
    """The source at fp32 and, where the processor computes it otherwise, at "auto"; and int8."""

    fp32: CrossEncoderReranker
    int8: CrossEncoderReranker
    auto: CrossEncoderReranker | None


def compile_model(
    model_name: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    calibrate: Path | None = None,
    collection: Collection | None = None,
    limits: Limits | None = None,
    max_length: int = DEFAULT_MAX_LENGTH,
    threads: int | None = None,
    revision: str | None = None,
    local_files_only: bool = False,
    cache_dir: str | os.PathLike[str] | None = None,
    command: str = "",
    progress: ProgressBar = silent,
) -> Compiled:
    """Write `model_name` as int8 into the folder `out` if it keeps to the limits here.

    What is compared is what is written: the folder is loaded as a user would load it. A refused
    model leaves nothing behind. The report lies in the folder as compile.json.

    Args:
        model_name: as for `CrossEncoderReranker`; a model with safetensors.
        out: a folder that is not there yet, or empty.
        calibrate: a file of JSON Lines with `query` and `text`; by default the text that ships.
        collection: a judged collection, to measure nDCG@10 over BM25's top 100.
        limits: what decides, by default `Limits()`.
        max_length: the most tokens of a pair while comparing.
        threads: compute threads, by default the processors this process may use.
        revision: branch, tag or commit of a hub model.
        local_files_only: never ask the hub.
        cache_dir: where built graphs are kept.
        command: what was called, for the report.
        progress: makes a bar from a description and a total.

    Raises:
        InputError: an option is not usable, or the calibration file is not.
        ModelError: the model is not there, not whole, has no graph builder, or several labels.
        MissingExtraError: the `int8` or the `measure` extra is not installed.
    """
    limits = limits or Limits()
    folder = Path(out)
    texts = read_texts(calibrate)
    for module, extra in (("nncf", "int8"), ("scipy", "measure"), ("psutil", "measure")):
        if find_spec(module) is None:
            raise MissingExtraError("secondpass compile", extra)
    threads = available_processors() if threads is None else integer("threads", threads)
    found = find_folder(model_name, revision=revision, local_files_only=local_files_only)
    cache = Settings.from_environment(cache_dir).cache_dir
    spec = read_cross_encoder_spec(found, cache_dir=cache)
    _require_builder(spec)

    def load(name: str | os.PathLike[str], precision: Precision) -> CrossEncoderReranker:
        return CrossEncoderReranker(
            name, max_length, precision=precision, threads=threads, cache_dir=cache
        )

    with written_beside(folder) as written:
        graph = build_graph(spec)
        require_one_label(graph.output(0).partial_shape[1].get_length(), spec.name)
        with progress("quantizing", 1) as advance:
            made = quantize(graph, spec, texts.calibration, seven_bits=int8_saturates())
            write_graph(made, written / GRAPH_FILE)
            copy_beside_graph(spec, written)
            advance(1)
        auto = load(found.path, "auto")
        models = _Models(
            fp32=load(found.path, "fp32"),
            int8=load(written, "auto"),
            auto=None if auto.info.arithmetic == "f32" else auto,
        )
        compiled = _compare(models, spec, written, texts, collection, limits, cache, progress)
        compiled = replace(
            compiled,
            command=command,
            folder=str(folder) if compiled.admitted else None,
            source=replace(compiled.source, name=found.name, revision=found.revision),
            model=replace(compiled.model, name=str(folder)),
        )
        if compiled.admitted:
            admit(written, folder, compiled)
    return compiled


def _compare(
    models: _Models,
    spec: ModelSpec,
    written: Path,
    texts: Texts,
    collection: Collection | None,
    limits: Limits,
    cache_dir: Path,
    progress: ProgressBar,
) -> Compiled:
    fp32, int8 = models.fp32, models.int8
    with progress("comparing the order", len(texts.queries)) as advance:
        agreement = measure_agreement(fp32, int8, texts.queries, texts.texts, advance)
    query, passages = texts.queries[0], list(texts.texts)
    with progress("comparing the speed", ROUNDS) as advance:
        speed = measure_speed(fp32, int8, models.auto, query, passages, advance)
    quality = None
    if collection is not None:
        with progress(f"reranking {collection.name}", 2 * len(collection.qrels)) as advance:
            quality = measure_quality(fp32, int8, collection, advance)
    with progress("comparing the memory", 2) as advance:
        peaks = []
        for path, reranker in ((spec.folder, fp32), (written, int8)):
            peaks.append(measure_memory(path, reranker.info, cache_dir, query, passages))
            advance(1)
    found = criteria(limits, agreement, quality, speed, calibrated=not spec.decodes)
    return Compiled(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        command="",
        machine=read_machine(),
        software=read_software(),
        admitted=all(criterion.met for criterion in found),
        folder=None,
        source=fp32.info,
        model=int8.info,
        calibration=_calibration(texts, spec),
        agreement=agreement,
        quality=quality,
        speed=speed,
        size=Bytes(spec.weights.bytes, find_weights(written).bytes),
        memory=Bytes(*peaks),
        criteria=found,
    )


def _calibration(texts: Texts, spec: ModelSpec) -> Calibration:
    """Return what set the scales; those of a decoder's weights are set by no text."""
    rows = 0 if spec.decodes else len(texts.calibration)
    how = ", weights alone" if spec.decodes else ""
    return Calibration(texts.source, texts.sha256, rows, f"nncf {version('nncf')}{how}")


def _require_builder(spec: ModelSpec) -> None:
    if spec.weights.format != "safetensors":
        raise UnsupportedModelError(
            f"{spec.name} holds an {spec.weights.format} graph, which is taken as it is; give a "
            "folder with model.safetensors to compile"
        )
    selection = select(Wanted.of(spec, "int8", "cpu"), Machine())
    if selection.engine != "openvino":
        raise UnsupportedModelError(
            f"{spec.name}: architecture {spec.architecture!r} cannot be compiled to int8: "
            f"{selection.reasons}"
        )
