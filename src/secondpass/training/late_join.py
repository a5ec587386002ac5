"""The late-join cross-encoder in torch, to be trained; secondpass.graph.late_join is its graph."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, normalize, pad, scaled_dot_product_attention

# What a vector of unit length is scaled by before the feed-forward reads it.
PRODUCT_SCALE = 20.0
PROJECTION = 128
# What the attention across the join begins with: nearly closed, so that the layers above it begin
# as the bi-encoder's own.
CROSS_BIAS = -3.0
_HIDDEN = -1e4


class Layer(nn.Module):  # type: ignore[misc]
    """One post-norm BERT layer, its three attention inputs computed as one product."""

    def __init__(self, width: int, heads: int, inner: int, epsilon: float) -> None:
        super().__init__()
        self.heads = heads
        self.attention = nn.Linear(width, 3 * width)
        self.attention_output = nn.Linear(width, width)
        self.attention_norm = nn.LayerNorm(width, eps=epsilon)
        self.feed_in = nn.Linear(width, inner)
        self.feed_out = nn.Linear(inner, width)
        self.feed_norm = nn.LayerNorm(width, eps=epsilon)

    def forward(
        self, x: Tensor, mask: Tensor | None, added: tuple[Tensor, Tensor] | None = None
    ) -> Tensor:
        """Return [rows, length, width]; `mask` is true where a token may be seen.

        `added` are columns [rows, length, n] whose products are added to every head's logits.
        """
        rows, length, width = x.shape
        parts = self.attention(x).view(rows, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        if added is None:
            seen = scaled_dot_product_attention(query, key, value, attn_mask=mask)
        else:
            seen = _attend_with(query, key, value, added)
        seen = seen.transpose(1, 2).reshape(rows, length, width)
        x = self.attention_norm(x + self.attention_output(seen))
        return self.feed_norm(x + self.feed_out(gelu(self.feed_in(x))))


def _attend_with(query: Tensor, key: Tensor, value: Tensor, added: tuple[Tensor, Tensor]) -> Tensor:
    """Attend with logits to which the products of more columns are added.

    As columns of query and key they need no mask; torch has no fused attention for one that learns.
    """
    size, more = query.shape[-1], added[0].shape[-1]
    asking, seen = (
        torch.cat([side, columns[:, None].to(side.dtype).expand(*side.shape[:-1], more)], -1)
        for side, columns in ((query, added[0] * size**0.5), (key, added[1]))
    )
    wide = scaled_dot_product_attention(asking, seen, pad(value, (0, more)), scale=size**-0.5)
    return wide[..., :size]


class Encoder(nn.Module):  # type: ignore[misc]
    """BERT's embeddings and layers, for texts that are encoded apart: one token type."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        width, epsilon = config["hidden_size"], config["layer_norm_eps"]
        self.words = nn.Embedding(config["vocab_size"], width)
        self.positions = nn.Embedding(config["max_position_embeddings"], width)
        self.types = nn.Embedding(config["type_vocab_size"], width)
        self.norm = nn.LayerNorm(width, eps=epsilon)
        self.layers = nn.ModuleList(
            Layer(width, config["num_attention_heads"], config["intermediate_size"], epsilon)
            for _ in range(config["num_hidden_layers"])
        )

    def embed(self, ids: Tensor, positions: Tensor) -> Tensor:
        """Return the sum of the three embeddings, normed."""
        return self.norm(self.words(ids) + self.positions(positions) + self.types.weight[0])

    def forward(self, ids: Tensor, seen: Tensor) -> list[Tensor]:
        """Return the hidden states of single texts: the embeddings, then each layer's."""
        x = self.embed(ids, torch.arange(ids.shape[1]).expand_as(ids))
        states = [x]
        for layer in self.layers:
            states.append(x := layer(x, seen[:, None, None, :]))
        return states

    def alone(self, ids: Tensor) -> Tensor:
        """Return the last hidden states of texts of one length, without padding."""
        x = self.embed(ids, torch.arange(ids.shape[1], device=ids.device).expand_as(ids))
        for layer in self.layers:
            x = layer(x, None)
        return x

    def apart(self, ids: Tensor, query: Tensor, text: Tensor, layers: int | None = None) -> Tensor:
        """Return the last hidden states of pairs whose sides do not see each other, or those after
        so many layers.

        `query` and `text` are true on their tokens; positions count from 0 in each.
        """
        before = query.sum(1, keepdim=True)
        counted = torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
        x = self.embed(ids, torch.where(text, counted - before, counted) * (query | text))
        mask = (query[:, :, None] & query[:, None, :]) | (text[:, :, None] & text[:, None, :])
        # Padding sees itself, so that no softmax is over nothing.
        mask = mask | torch.eye(ids.shape[1], dtype=torch.bool, device=ids.device)
        for layer in self.layers[:layers]:
            x = layer(x, mask[:, None])
        return x


class LateInteraction(nn.Module):  # type: ignore[misc]
    """MaxSim over projected tokens, with a learnt weight for each query token."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.projection = nn.Linear(width, PROJECTION, bias=False)
        nn.init.orthogonal_(self.projection.weight)
        self.gate = nn.Linear(width, 1)
        nn.init.zeros_(self.gate.weight)
        nn.init.zeros_(self.gate.bias)

    def forward(self, x: Tensor, query: Tensor, text: Tensor, longest: int | None = None) -> Tensor:
        """Return [rows]: the best cosine of each query token in the text, weighed and summed.

        `longest` is the greatest length of a query, if known: to find it the CPU waits for a GPU.
        """
        with torch.autocast(x.device.type, enabled=False):
            x = x.float()
            # The query stands first: what is behind the longest asks nothing.
            asking = int(query.sum(1).max()) if longest is None else longest
            unit = normalize(self.projection(x), dim=-1)
            similarities = unit[:, :asking] @ unit.transpose(1, 2)
            best = similarities.masked_fill(~text[:, None, :], _HIDDEN).max(2).values
            gates = self.gate(x[:, :asking])[..., 0]
            weights = gates.masked_fill(~query[:, :asking], _HIDDEN).softmax(-1)
            return (weights * best).sum(1)


def unit_means(x: Tensor, query: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
    """Return the unit vectors of query and text: [rows, width] each."""
    sides = (side[..., None].float() for side in (query, text))
    first, second = (normalize((x.float() * side).sum(1) / side.sum(1), dim=-1) for side in sides)
    return first, second


class EarlyHead(nn.Module):  # type: ignore[misc]
    """Scores before the join: cosine and late interaction of sides that were read apart."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.interaction = LateInteraction(width)
        self.weights = nn.Parameter(torch.tensor([8.0, 8.0]))

    def forward(self, x: Tensor, query: Tensor, text: Tensor, longest: int | None = None) -> Tensor:
        """Return logits [rows]; `longest` is LateInteraction's."""
        first, second = unit_means(x, query, text)
        cosine = (first * second).sum(-1)
        interaction = self.interaction(x, query, text, longest)
        return self.weights[0] * cosine + self.weights[1] * interaction


class JointHead(nn.Module):  # type: ignore[misc]
    """The layers after the join and what reads them: this is what training changes."""

    def __init__(self, layers: nn.ModuleList, width: int) -> None:
        super().__init__()
        self.early = EarlyHead(width)
        self.interaction = LateInteraction(width)
        self.begin(layers, width)

    def begin(self, layers: nn.ModuleList, width: int) -> None:
        """Begin anew from these layers; the early head and the late interaction stay."""
        self.layers = layers
        self.text_type = nn.Parameter(torch.zeros(width))
        self.cross_bias = nn.Parameter(torch.full((len(layers),), CROSS_BIAS))
        self.weights = nn.Parameter(torch.tensor([12.0, 4.0, 0.5]))
        self.dense = nn.Linear(2 * width, width)
        self.out = nn.Linear(width, 1)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor, query: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits of the last layer and of the early head, [rows] each.

        `x` is what the layers below the join made, `query` and `text` true on their tokens.
        """
        early = self.early(x, query, text)
        x = x + text[..., None] * self.text_type
        for layer, added in zip(self.layers, self._added(query, text), strict=True):
            x = layer(x, None, added)
        first, second = unit_means(x, query, text)
        product = first * second
        read = torch.cat([product * PRODUCT_SCALE, x[:, 0].float()], -1)
        parts = (product.sum(-1), self.interaction(x, query, text), early)
        score = sum(weight * part for weight, part in zip(self.weights, parts, strict=True))
        return score + self.out(gelu(self.dense(read)))[:, 0].float(), early

    def _added(self, query: Tensor, text: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield what each layer adds to its attention's logits: columns of query and key.

        Their product is the layer's bias where the one stands in the query and the other in the
        text, and hides the padding.
        """
        asks, reads = query.float(), text.float()
        hidden = (1 - asks - reads) * _HIDDEN
        ones, zeros = torch.ones_like(asks), torch.zeros_like(asks)
        keys = torch.stack([reads, asks, hidden, zeros], -1)
        for bias in self.cross_bias:
            # A fourth, of zeros, makes a number of columns that attention is fast with.
            yield torch.stack([asks * bias, reads * bias, ones, zeros], -1), keys


def read_encoder(folder: Path, config: dict[str, Any]) -> Encoder:
    """Read a BERT encoder's weights out of safetensors."""
    from safetensors.torch import load_file

    stored = load_file(folder / "model.safetensors")
    encoder = Encoder(config)
    encoder.load_state_dict(
        {ours: torch.cat([stored[n].float() for n in theirs]) for ours, theirs in names(config)}
    )
    return encoder


def names(config: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Return our name and BERT's names of each tensor; several of BERT's are one of ours."""
    of = [
        (f"{ours}.{kind}", [f"embeddings.{theirs}.{kind}"])
        for ours, theirs, kinds in (
            ("words", "word_embeddings", ("weight",)),
            ("positions", "position_embeddings", ("weight",)),
            ("types", "token_type_embeddings", ("weight",)),
            ("norm", "LayerNorm", ("weight", "bias")),
        )
        for kind in kinds
    ]
    for number in range(config["num_hidden_layers"]):
        of += layer_names(f"layers.{number}", f"encoder.layer.{number}")
    return of


def layer_names(ours: str, theirs: str) -> list[tuple[str, list[str]]]:
    """Return our and BERT's names of one layer's tensors."""
    parts = {
        "attention": [f"attention.self.{part}" for part in ("query", "key", "value")],
        "attention_output": ["attention.output.dense"],
        "attention_norm": ["attention.output.LayerNorm"],
        "feed_in": ["intermediate.dense"],
        "feed_out": ["output.dense"],
        "feed_norm": ["output.LayerNorm"],
    }
    return [
        (f"{ours}.{name}.{kind}", [f"{theirs}.{other}.{kind}" for other in others])
        for name, others in parts.items()
        for kind in ("weight", "bias")
    ]
