"""JinaBERT v1 in torch, written from its description: ALiBi (arXiv:2108.12409), GEGLU, post-norm.

sentence-transformers has no such model without the folder's own code, which is not run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.nn.functional import gelu, layer_norm, linear

# Of eight heads: 1/2, 1/4, ... 1/256; of four: every other one of these.
SLOPES = {4: [0.25, 0.0625, 0.015625, 0.00390625]}


def random_tensors(config: Mapping[str, Any], seed: int) -> dict[str, torch.Tensor]:
    """Return seeded weights with the names of jina-reranker-v1."""
    width, feed = config["hidden_size"], config["intermediate_size"]
    shapes: dict[str, tuple[int, ...]] = {
        "bert.embeddings.word_embeddings.weight": (config["vocab_size"], width),
        "bert.embeddings.token_type_embeddings.weight": (2, width),
        **_norm("bert.embeddings.LayerNorm", width),
        **_dense("bert.pooler.dense", width, width),
        **_dense("classifier", 1, width),
    }
    for layer in range(config["num_hidden_layers"]):
        name = f"bert.encoder.layer.{layer}"
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            shapes |= _dense(f"{name}.attention.{part}", width, width)
        shapes |= _norm(f"{name}.attention.output.LayerNorm", width)
        shapes[f"{name}.mlp.gated_layers.weight"] = (2 * feed, width)
        shapes |= _dense(f"{name}.mlp.wo", width, feed)
        shapes |= _norm(f"{name}.mlp.layernorm", width)
    generator = torch.Generator().manual_seed(seed)
    drawn = {name: torch.randn(shape, generator=generator) * 0.25 for name, shape in shapes.items()}
    norms = ("LayerNorm.weight", "layernorm.weight")
    return {name: one + 1 if name.endswith(norms) else one for name, one in drawn.items()}


def logits(
    tensors: Mapping[str, torch.Tensor], config: Mapping[str, Any], inputs: Mapping[str, Any]
) -> torch.Tensor:
    """Return the logit of each row of a padded batch."""
    heads, width = config["num_attention_heads"], config["hidden_size"]

    def dense(name: str, x: torch.Tensor) -> torch.Tensor:
        return linear(x, tensors[f"{name}.weight"], tensors.get(f"{name}.bias"))

    def norm(name: str, x: torch.Tensor) -> torch.Tensor:
        weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
        return layer_norm(x, (width,), weight, bias, config["layer_norm_eps"])

    def split(x: torch.Tensor) -> torch.Tensor:
        return x.view(*x.shape[:2], heads, width // heads).transpose(1, 2)

    x = tensors["bert.embeddings.word_embeddings.weight"][inputs["input_ids"]]
    x = x + tensors["bert.embeddings.token_type_embeddings.weight"][inputs["token_type_ids"]]
    x = norm("bert.embeddings.LayerNorm", x)
    places = torch.arange(x.shape[1])
    distance = (places[:, None] - places[None, :]).abs()
    bias = -torch.tensor(SLOPES[heads])[:, None, None] * distance
    hidden = inputs["attention_mask"][:, None, None, :] == 0
    for layer in range(config["num_hidden_layers"]):
        name = f"bert.encoder.layer.{layer}"
        query, key, value = (
            split(dense(f"{name}.attention.self.{part}", x)) for part in ("query", "key", "value")
        )
        weights = query @ key.transpose(-1, -2) / (width // heads) ** 0.5 + bias
        weights = weights.masked_fill(hidden, float("-inf")).softmax(-1)
        seen = (weights @ value).transpose(1, 2).reshape(x.shape)
        seen = dense(f"{name}.attention.output.dense", seen)
        x = norm(f"{name}.attention.output.LayerNorm", seen + x)
        gate, up = dense(f"{name}.mlp.gated_layers", x).chunk(2, -1)
        x = norm(f"{name}.mlp.layernorm", dense(f"{name}.mlp.wo", gelu(gate) * up) + x)
    pooled = torch.tanh(dense("bert.pooler.dense", x[:, 0]))
    return dense("classifier", pooled)[:, 0]


def _dense(name: str, outputs: int, inputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}
