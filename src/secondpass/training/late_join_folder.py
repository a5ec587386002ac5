"""A late-join model as a folder that secondpass loads: written, and read back to train on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from secondpass.training.late_join import (
    PRODUCT_SCALE,
    Encoder,
    JointHead,
    names,
)
from secondpass.training.late_join_files import write_folder

# Our names of the head's tensors, and theirs in the file.
_HEAD = {
    "text_type": "text_type",
    "cross_bias": "cross_bias",
    "early.weights": "early.weights",
    "early.interaction.projection.weight": "early.projection.weight",
    "early.interaction.gate.weight": "early.gate.weight",
    "early.interaction.gate.bias": "early.gate.bias",
    "weights": "weights",
    "interaction.projection.weight": "projection.weight",
    "interaction.gate.weight": "gate.weight",
    "interaction.gate.bias": "gate.bias",
    "dense.weight": "classifier.dense.weight",
    "dense.bias": "classifier.dense.bias",
    "out.weight": "classifier.out_proj.weight",
    "out.bias": "classifier.out_proj.bias",
}


def save_late_join(
    encoder: Encoder,
    head: JointHead,
    base: Path,
    folder: Path,
    *,
    join_layer: int,
    half: bool = True,
    exits: Mapping[str, Tensor] | None = None,
) -> None:
    """Write model.safetensors (float16 if `half`), config.json and tokenizer.json.

    `base` is the folder of the encoder, whose config and tokenizer these are made of. The encoder's
    own layers above the join are left out: the head's stand in their place. `exits` are the tensors
    of exit heads, by default those of `base` if it has some.
    """
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    ours = encoder.state_dict() | {
        f"layers.{join_layer + at}.{name}": value
        for at, layer in enumerate(head.layers)
        for name, value in layer.state_dict().items()
    }
    stored = _under_their_names(ours, names(config))
    stored |= {theirs: head.state_dict()[name] for name, theirs in _HEAD.items()}
    stored["product_scale"] = torch.tensor([PRODUCT_SCALE])
    stored |= _exits_of(base) if exits is None else exits
    tensors = {name: value.detach().cpu().numpy() for name, value in stored.items()}
    write_folder(tensors, base, folder, join_layer=join_layer, half=half)


def _exits_of(base: Path) -> dict[str, Tensor]:
    """Return the exit heads of a base that has some: the layers below them stay, so they fit."""
    from safetensors import safe_open

    with safe_open(base / "model.safetensors", "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys() if name.startswith("exits.")}  # noqa: SIM118


def read_late_join(folder: Path) -> tuple[Encoder, JointHead, dict[str, Any]]:
    """Return the layers below the join, what stands above it, and the config."""
    from safetensors.torch import load_file

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    stored = {
        name: value.float() for name, value in load_file(folder / "model.safetensors").items()
    }
    encoder = Encoder(config)
    encoder.load_state_dict(
        {ours: torch.cat([stored[name] for name in theirs]) for ours, theirs in names(config)}
    )
    join = config["join_layer"]
    head = JointHead(encoder.layers[join:], config["hidden_size"])
    head.load_state_dict({name: stored[theirs] for name, theirs in _HEAD.items()}, strict=False)
    encoder.layers = encoder.layers[:join]
    return encoder, head, config


def _under_their_names(
    ours: dict[str, Tensor], pairs: list[tuple[str, list[str]]]
) -> dict[str, Tensor]:
    return {
        name: part
        for mine, theirs in pairs
        for name, part in zip(theirs, ours[mine].chunk(len(theirs)), strict=True)
    }
