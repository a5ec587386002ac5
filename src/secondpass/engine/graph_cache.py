"""Built graphs on disk, so that the second start does not build again.

One folder for each key, written beside its place and renamed into it, so a reader sees a whole
folder or none. A manifest holds the hash of each file; a folder that does not match is built anew.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from secondpass.atomic import beside, sweep
from secondpass.engine.openvino import read_model
from secondpass.graph.openvino import ov
from secondpass.graph.write import write_graph
from secondpass.models.digest import file_sha256, text_sha256
from secondpass.regular_files import open_regular
from secondpass.settings import warn_not_kept

_MODEL = "model.xml"
_MANIFEST = "manifest.json"
_WRITING = "writing-"


@dataclass(frozen=True, slots=True)
class GraphKey:
    """All that a built graph depends on."""

    weights_sha256: str
    config_sha256: str
    pooling: str | None
    precision: str
    builder_version: int
    openvino_version: str
    calibration: str | None = None

    def folder(self, cache_dir: Path) -> Path:
        """Return where this graph is kept."""
        return cache_dir / "graphs" / text_sha256(json.dumps(asdict(self)))[:32]


@dataclass(frozen=True, slots=True)
class CachedGraph:
    """What `secondpass models` shows of a cached graph."""

    folder: Path
    model_name: str
    precision: str
    weights_sha256: str
    bytes: int


def load_or_build(
    cache_dir: Path, key: GraphKey, model_name: str, build: Callable[[], ov.Model]
) -> ov.Model:
    """Return the cached graph of `key`, else build it and keep it.

    A cache that cannot be written is a warning; the graph just built is returned.
    """
    folder = key.folder(cache_dir)
    sweep(folder.parent, _WRITING)
    if _is_whole(folder):
        return read_model(folder / _MODEL)
    model = build()
    try:
        _store(model, folder, key, model_name)
    except OSError as error:
        warn_not_kept(cache_dir, error)
        return model
    # Reading it back maps the weights from disk, which frees the copy they were built from.
    return read_model(folder / _MODEL)


def list_cached(cache_dir: Path) -> list[CachedGraph]:
    """Return what the cache holds, sorted by model name and precision."""
    found = [
        CachedGraph(
            manifest.parent,
            entry["model_name"],
            entry["key"]["precision"],
            entry["key"]["weights_sha256"],
            sum(file.stat().st_size for file in manifest.parent.iterdir()),
        )
        for manifest in (cache_dir / "graphs").glob(f"*/{_MANIFEST}")
        if (entry := _read_manifest(manifest)) is not None
    ]
    return sorted(found, key=lambda graph: (graph.model_name, graph.precision))


def _is_whole(folder: Path) -> bool:
    """Tell whether a cached folder is there and its files are those that were written."""
    entry = _read_manifest(folder / _MANIFEST)
    if entry is None:
        return False
    try:
        return all(file_sha256(folder / name) == digest for name, digest in entry["files"].items())
    except OSError:  # a file is not there or cannot be read
        return False


def _read_manifest(file: Path) -> dict[str, Any] | None:
    try:
        with open_regular(file) as stream:
            entry = json.loads(stream.read())
        GraphKey(**entry["key"])
        written = {_MODEL, Path(_MODEL).with_suffix(".bin").name} <= entry["files"].keys()
        return entry if written and isinstance(entry["model_name"], str) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # not there, or not whole
        return None


def _store(model: ov.Model, folder: Path, key: GraphKey, model_name: str) -> None:
    with beside(folder, prefix=_WRITING) as written:
        written.mkdir()
        write_graph(model, written / _MODEL)
        files = {file.name: file_sha256(file) for file in written.iterdir()}
        manifest = {"model_name": model_name, "key": asdict(key), "files": files}
        (written / _MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        _move_into_place(written, folder)


def _move_into_place(written: Path, folder: Path) -> None:
    if folder.exists() and not _is_whole(folder):
        shutil.rmtree(folder)
    try:
        os.rename(written, folder)  # noqa: PTH104 - fails if another process was first
    except OSError:
        if not _is_whole(folder):
            raise
