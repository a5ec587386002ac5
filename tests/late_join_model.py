"""A tiny late-join model: the tiny BERT of tests/parity with a random head."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

WIDTH, HEADS, JOIN, PROJECTION = 32, 4, 2, 128


def make_late_join(bert: Path, folder: Path) -> Path:
    """Write the model into `folder`: joined after the second of three layers."""
    random = np.random.default_rng(3)
    stored = load_file(bert / "model.safetensors")
    weights = {name.removeprefix("bert."): value for name, value in stored.items()}
    shapes = {
        "text_type": (WIDTH,),
        "early.weights": (2,),
        "early.projection.weight": (PROJECTION, WIDTH),
        "early.gate.weight": (1, WIDTH),
        "early.gate.bias": (1,),
        "weights": (3,),
        "projection.weight": (PROJECTION, WIDTH),
        "gate.weight": (1, WIDTH),
        "gate.bias": (1,),
        "classifier.dense.weight": (WIDTH, 2 * WIDTH),
        "classifier.dense.bias": (WIDTH,),
        "classifier.out_proj.weight": (1, WIDTH),
        "classifier.out_proj.bias": (1,),
        "cross_bias": (1,),
    }
    weights |= {k: random.normal(size=s).astype(np.float32) for k, s in shapes.items()}
    weights["product_scale"] = np.array([20], np.float32)
    save_file(weights, folder / "model.safetensors")
    config = json.loads((bert / "config.json").read_text())
    config |= {"model_type": "late-join-bert", "join_layer": JOIN}
    (folder / "config.json").write_text(json.dumps(config))
    tokenizer = json.loads((bert / "tokenizer.json").read_text())
    special = [{"SpecialToken": {"id": "[CLS]", "type_id": 1}}]
    pair = tokenizer["post_processor"]["pair"]
    tokenizer["post_processor"]["pair"] = pair[:3] + special + pair[3:]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    return folder
