"""BERT on the device: padded batches of like length, attention without a mask (see `columns`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn

from secondpass.training.late_join import Encoder, names

FIRST, LAST, MASK = 101, 102, 103
CONFIG = {
    "hidden_size": 384,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
    "layer_norm_eps": 1e-12,
    "vocab_size": 30522,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
}
HIDDEN = -1e4


class Ragged:
    """Texts as token ids: text n is ids[starts[n] : starts[n] + lengths[n]]."""

    def __init__(self, ids: NDArray[np.uint16], lengths: NDArray[np.uint16]) -> None:
        self.ids = ids.astype(np.int32)
        self.lengths = lengths.astype(np.int64)
        self.starts = np.concatenate([[0], np.cumsum(self.lengths)[:-1]])

    def __len__(self) -> int:
        return len(self.lengths)

    def to(self, device: str) -> DeviceRagged:
        return DeviceRagged(self, device)


class DeviceRagged:
    """The same on the device, with one token of padding at the end."""

    def __init__(self, texts: Ragged, device: str) -> None:
        self.ids = torch.tensor(np.append(texts.ids, 0), device=device)
        self.starts = torch.tensor(texts.starts, device=device)
        self.lengths = torch.tensor(texts.lengths, device=device)

    def padded(self, numbers: Tensor, length: int) -> tuple[Tensor, Tensor]:
        """Return ids [rows, length] and which are real, without special tokens."""
        steps = torch.arange(length, device=self.ids.device)
        real = steps < self.lengths[numbers][:, None]
        at = torch.where(real, self.starts[numbers][:, None] + steps, len(self.ids) - 1)
        return torch.where(real, self.ids[at], 0), real


def encoder_of(file: Path, layers: int, device: str) -> Encoder:
    """Read a BERT encoder, its tensors under `bert.` or not."""
    stored = {name.removeprefix("bert."): value for name, value in load_file(file).items()}
    config = CONFIG | {"num_hidden_layers": layers}
    encoder = Encoder(config)
    encoder.load_state_dict(
        {ours: torch.cat([stored[n].float() for n in theirs]) for ours, theirs in names(config)}
    )
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    return encoder.to(device, dtype).eval().requires_grad_(False)


def columns(first: Tensor, second: Tensor, bias: Tensor | float) -> tuple[Tensor, Tensor]:
    """Return what to add to the attention's logits, as eight more columns of query and key.

    `bias` between a token of the `first` side and one of the `second`; padding is hidden.
    """
    one, two = first.float(), second.float()
    hidden = (1 - one - two) * HIDDEN
    ones, zeros = torch.ones_like(one), torch.zeros_like(one)
    keys = torch.stack([two, one, hidden, zeros, zeros, zeros, zeros, zeros], -1)
    return torch.stack([one * bias, two * bias, ones, zeros, zeros, zeros, zeros, zeros], -1), keys


def states(encoder: Encoder, ids: Tensor, real: Tensor, types: Tensor | None = None) -> Tensor:
    """Return the last hidden states [rows, length, width]."""
    positions = torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
    kind = encoder.types.weight[0] if types is None else encoder.types(types)
    x = encoder.norm(encoder.words(ids) + encoder.positions(positions) + kind)
    added = columns(real, torch.zeros_like(real), 0.0)
    for layer in encoder.layers:
        x = layer(x, None, added)
    return x


def batches(lengths: NDArray[np.int64], tokens: int) -> Iterator[NDArray[np.int64]]:
    """Yield row numbers, longest first, at most `tokens` padded tokens a batch."""
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        rows = max(1, tokens // max(1, int(lengths[order[start]])))
        yield order[start : start + rows]
        start += rows


def single(
    texts: DeviceRagged, numbers: Tensor, length: int, before: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """Return ids and real tokens of [CLS], `before`, the text, [SEP]."""
    body, real = texts.padded(numbers, length)
    rows = len(numbers)
    head = torch.tensor([FIRST, *before], device=body.device, dtype=body.dtype).expand(rows, -1)
    ids = torch.cat([head, body, body.new_zeros(rows, 1)], 1)
    real = torch.cat([torch.ones_like(head, dtype=torch.bool), real, real.new_zeros(rows, 1)], 1)
    ends = real.sum(1, keepdim=True)
    return ids.scatter(1, ends, LAST), real.scatter(1, ends, True)


def pair(
    queries: DeviceRagged, texts: DeviceRagged, asked: Tensor, read: Tensor, twice: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Return ids, the query's tokens and the text's: [CLS] query [SEP] text [SEP], [CLS] again before the text if `twice`."""
    query_lengths = queries.lengths[asked]
    text_lengths = torch.minimum(texts.lengths[read], 508 - query_lengths)
    second = query_lengths + 2
    extra = 1 if twice else 0
    length = int((second + text_lengths + 1 + extra).max())
    length = -(-length // 16) * 16
    steps = torch.arange(length, device=asked.device)[None]
    body = second[:, None] + extra
    end = body + text_lengths[:, None]
    in_query = (steps >= 1) & (steps < second[:, None] - 1)
    in_text = (steps >= body) & (steps < end)
    nothing = len(queries.ids) - 1
    ids = torch.where(
        in_query,
        queries.ids[torch.where(in_query, queries.starts[asked][:, None] + steps - 1, nothing)],
        0,
    )
    nothing = len(texts.ids) - 1
    ids = torch.where(
        in_text,
        texts.ids[torch.where(in_text, texts.starts[read][:, None] + steps - body, nothing)],
        ids,
    )
    ids = torch.where((steps == second[:, None] - 1) | (steps == end), LAST, ids)
    firsts = (steps == 0) | (steps == body - 1) if twice else steps == 0
    ids = torch.where(firsts.expand_as(ids), FIRST, ids)
    return (
        ids,
        (steps < second[:, None]).expand_as(ids),
        (steps >= second[:, None]) & (steps <= end),
    )


class Classifier(nn.Module):
    """A BERT cross-encoder's pooler and classifier."""

    def __init__(self, file: Path, device: str) -> None:
        super().__init__()
        stored = load_file(file)
        self.pooler, self.out = nn.Linear(384, 384), nn.Linear(384, 1)
        self.pooler.load_state_dict(
            {kind: stored[f"bert.pooler.dense.{kind}"] for kind in ("weight", "bias")}
        )
        self.out.load_state_dict(
            {kind: stored[f"classifier.{kind}"] for kind in ("weight", "bias")}
        )
        self.to(device).requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(torch.tanh(self.pooler(x[:, 0].float())))[:, 0]
