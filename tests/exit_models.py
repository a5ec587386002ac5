"""Tiny models with random exit heads: those of tests/parity and the late-join one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

WIDTH, PROJECTION = 32, 128
SCHEDULES = {"balanced": [[1, 0.5, 3], [2, 0.25, 3]], "fast": [[1, 0.1, 2]]}


def with_exits(
    source: Path,
    folder: Path,
    *,
    layers: tuple[int, ...] = (0, 1, 2),
    schedules: Any = SCHEDULES,
    seed: int = 0,
) -> Path:
    """Copy a model's folder and give it an exit after each of these layers."""
    shutil.copytree(source, folder)
    config = json.loads((folder / "config.json").read_text())
    if schedules is not None:
        config["exits"] = schedules
        (folder / "config.json").write_text(json.dumps(config))
    random = np.random.default_rng(seed)
    tensors: dict[str, Any] = {}
    for layer in layers:
        shapes = _shapes(layer, config)
        tensors |= {
            f"exits.{layer}.{name}": random.normal(size=shape).astype(np.float32)
            for name, shape in shapes.items()
        }
        tensors[f"exits.{layer}.scale"] = np.array([2], np.float32)
        tensors[f"exits.{layer}.offset"] = np.array([-0.5], np.float32)
    save_file(tensors, folder / "exits.safetensors")
    return folder


def _shapes(layer: int, config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    if "join_layer" not in config:
        return {
            "dense.weight": (WIDTH, WIDTH),
            "dense.bias": (WIDTH,),
            "classifier.weight": (1, WIDTH),
            "classifier.bias": (1,),
        }
    if layer == config["join_layer"]:
        return {}
    return {
        "projection.weight": (PROJECTION, WIDTH),
        "gate.weight": (1, WIDTH),
        "gate.bias": (1,),
        "weights": (2,),
    }
