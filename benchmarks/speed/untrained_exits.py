"""The weights all share, with exit heads that nobody trained: good for the time, not the order.

The heads lie in a file beside the weights, which stay as they are; the schedules are those of the
embedded model. Its own exit before the first layer costs more than these heads
(docs/guide/early-exit.md).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from secondpass.models.embedded import CROSS_ENCODER
from secondpass.models.folder import find_folder
from secondpass.models.spec import EXITS_FILE
from secondpass.options.effort import EFFORTS


def with_untrained_exits(model: Path, folder: Path, schedules: Mapping[str, Any]) -> Path:
    """Copy a BERT folder and add heads and schedules; what is there already is taken."""
    if folder.exists():
        return folder
    shutil.copytree(model, folder)
    config = _config(folder)
    (folder / "config.json").write_text(json.dumps(config | {"exits": schedules}))
    layers = {entry[0] for effort in EFFORTS for entry in schedules.get(effort, ())}
    save_file(_heads(sorted(layers), config["hidden_size"]), folder / EXITS_FILE)
    return folder


def embedded_schedules() -> Mapping[str, Any]:
    """Return the exit schedules of the embedded model, by effort."""
    return _config(find_folder(CROSS_ENCODER).path)["exits"]


def _heads(layers: list[int], width: int) -> dict[str, np.ndarray]:
    chance = np.random.default_rng(0)
    heads = {}
    for at in layers:
        weight = chance.normal(0, 0.02, (1, width)).astype(np.float32)
        heads[f"exits.{at}.classifier.weight"] = weight
        heads[f"exits.{at}.classifier.bias"] = np.zeros(1, np.float32)
    return heads


def _config(folder: Path) -> dict:
    return json.loads((folder / "config.json").read_text())
