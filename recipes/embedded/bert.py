"""BERT on the device, of any size: attention without a mask, by more columns (see `columns`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from secondpass.training.late_join import Encoder, names

# Not told by the tensors: all the models have attention heads of this size.
HEAD_SIZE = 32
EPSILON = 1e-12
HIDDEN = -1e4


def load_bert(file: Path) -> dict[str, Tensor]:
    """Read a BERT's tensors in float32, without the prefix that a classifier's have."""
    return {name.removeprefix("bert."): value.float() for name, value in load_file(file).items()}


def config_of(stored: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return the sizes that the tensors tell."""
    layers = {name.split(".")[2] for name in stored if name.startswith("encoder.layer.")}
    vocabulary, width = stored["embeddings.word_embeddings.weight"].shape
    return {
        "hidden_size": width,
        "num_attention_heads": width // HEAD_SIZE,
        "intermediate_size": len(stored["encoder.layer.0.intermediate.dense.bias"]),
        "num_hidden_layers": len(layers),
        "layer_norm_eps": EPSILON,
        "vocab_size": vocabulary,
        "max_position_embeddings": len(stored["embeddings.position_embeddings.weight"]),
        "type_vocab_size": len(stored["embeddings.token_type_embeddings.weight"]),
    }


def joined(stored: Mapping[str, Tensor], pairs: Sequence[tuple[str, list[str]]]) -> dict[str, Any]:
    """Return tensors under our names; several of BERT's are one of ours."""
    return {ours: torch.cat([stored[name] for name in theirs]) for ours, theirs in pairs}


def read_encoder(file: Path, layers: Sequence[int] | None = None) -> Encoder:
    """Read an encoder in float32, with all its layers or these."""
    stored = load_bert(file)
    config = config_of(stored)
    encoder = Encoder(config)
    encoder.load_state_dict(joined(stored, names(config)))
    if layers is not None:
        encoder.layers = nn.ModuleList(encoder.layers[number] for number in layers)
    return encoder


def read_teacher(file: Path, device: str) -> Encoder:
    """Read an encoder to compute with: in bfloat16 on a GPU, without gradients."""
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    return read_encoder(file).to(device, dtype).eval().requires_grad_(False)


def columns(first: Tensor, second: Tensor, bias: Tensor | float) -> tuple[Tensor, Tensor]:
    """Return what to add to the attention's logits, as eight more columns of query and key.

    `first` and `second` [rows, length] are true on the tokens of the two sides. `bias` is added
    between a token of one side and one of the other; padding is hidden.
    """
    one, two = first.float(), second.float()
    hidden = (1 - one - two) * HIDDEN
    ones, zeros = torch.ones_like(one), torch.zeros_like(one)
    # Eight, as attention is fast with few numbers of columns.
    unused = [zeros] * 5
    asking = torch.stack([one * bias, two * bias, ones, *unused], -1)
    return asking, torch.stack([two, one, hidden, *unused], -1)


def hidden_states(
    encoder: Encoder, ids: Tensor, real: Tensor, types: Tensor | None = None
) -> Tensor:
    """Return the last hidden states [rows, length, width]."""
    positions = torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
    kind = encoder.types.weight[0] if types is None else encoder.types(types)
    x = encoder.norm(encoder.words(ids) + encoder.positions(positions) + kind)
    added = columns(real, torch.zeros_like(real), 0.0)
    for layer in encoder.layers:
        x = layer(x, None, added)
    return x


class Classifier(nn.Module):
    """A BERT cross-encoder's pooler and classifier."""

    def __init__(self, file: Path, device: str) -> None:
        super().__init__()
        stored = load_bert(file)
        width = len(stored["pooler.dense.bias"])
        self.pooler, self.out = nn.Linear(width, width), nn.Linear(width, 1)
        for layer, name in ((self.pooler, "pooler.dense"), (self.out, "classifier")):
            layer.load_state_dict({kind: stored[f"{name}.{kind}"] for kind in ("weight", "bias")})
        self.to(device).requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [rows] of the last hidden states."""
        return self.out(torch.tanh(self.pooler(x[:, 0].float())))[:, 0]
