"""The teachers: a cross-encoder, late interaction, two bi-encoders; each gives a pair one number."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from recipes.embedded.bert import (
    MASK,
    Classifier,
    DeviceRagged,
    batches,
    encoder_of,
    pair,
    single,
    states,
)
from secondpass.training.late_join import Encoder

NAMES = ("cross_encoder", "late_interaction", "bge", "minilm")
# "Represent this sentence for searching relevant passages: " as token ids.
INSTRUCTION = [5050, 2023, 6251, 2005, 6575, 7882, 13768, 1024]
_QUERY, _TEXT, _LEAST_QUERY = 1, 2, 32  # [unused0], [unused1] of ColBERT, and its shortest query
_BATCH = 131072


@dataclass(frozen=True, slots=True)
class Teachers:
    cross_encoder: Encoder
    classifier: Classifier
    colbert: Encoder
    bge: Encoder
    minilm: Encoder

    @classmethod
    def load(cls, folder: Path, device: str) -> Teachers:
        return cls(
            encoder_of(folder / "reranker_en.safetensors", 12, device),
            Classifier(folder / "reranker_en.safetensors", device),
            encoder_of(folder / "colbert.safetensors", 12, device),
            encoder_of(folder / "bge_small_en.safetensors", 12, device),
            encoder_of(folder / "minilm.safetensors", 6, device),
        )


@dataclass(frozen=True, slots=True)
class Encoded:
    """What the bi-encoders and late interaction keep of texts: unit vectors, and unit token vectors one after another."""

    bge: Tensor
    minilm: Tensor
    tokens: Tensor
    starts: Tensor
    lengths: Tensor


@torch.inference_mode()
def encode(teachers: Teachers, texts: DeviceRagged, *, queries: bool) -> Encoded:
    """Encode all texts by the three models."""
    count, lengths = len(texts.lengths), texts.lengths
    bge = torch.zeros(count, 384, device=lengths.device)
    minilm = torch.zeros_like(bge)
    kept = (lengths + 3).clamp_min(_LEAST_QUERY) if queries else lengths + 3
    starts = torch.cat([kept.new_zeros(1), kept.cumsum(0)[:-1]])
    dtype = next(teachers.colbert.parameters()).dtype
    tokens = torch.zeros(int(kept.sum()) + 1, 384, device=lengths.device, dtype=dtype)
    for rows in batches(lengths.cpu().numpy() + 12, _BATCH):
        numbers = torch.as_tensor(rows, device=lengths.device)
        length = int(lengths[numbers].max())
        ids, real = single(texts, numbers, length, INSTRUCTION if queries else [])
        bge[numbers] = normalize(states(teachers.bge, ids, real)[:, 0].float(), dim=-1)
        ids, real = single(texts, numbers, length, [])
        x = states(teachers.minilm, ids, real).float() * real[..., None]
        minilm[numbers] = normalize(x.sum(1) / real.sum(1, keepdim=True), dim=-1)
        ids, real = single(
            texts,
            numbers,
            length + (_LEAST_QUERY if queries else 0),
            [_QUERY if queries else _TEXT],
        )
        steps = torch.arange(ids.shape[1], device=ids.device)
        filled = steps < kept[numbers][:, None]
        x = normalize(
            states(teachers.colbert, torch.where(filled & ~real, MASK, ids), real).float(), dim=-1
        )
        tokens[(starts[numbers][:, None] + steps)[filled]] = x[filled].to(dtype)
    return Encoded(bge, minilm, tokens, starts, kept)


@torch.inference_mode()
def score(
    teachers: Teachers,
    queries: DeviceRagged,
    texts: DeviceRagged,
    of_queries: Encoded,
    of_texts: Encoded,
    asked: Tensor,
    read: Tensor,
) -> Tensor:
    """Return [pairs, 4]: each teacher's number, in the order of NAMES."""
    result = torch.zeros(len(asked), 4, device=asked.device)
    result[:, 2] = pairwise(of_queries.bge, of_texts.bge, asked, read)
    result[:, 3] = pairwise(of_queries.minilm, of_texts.minilm, asked, read)
    result[:, 1] = late_interaction(of_queries, of_texts, asked, read)
    lengths = (queries.lengths[asked] + texts.lengths[read] + 3).cpu().numpy()
    for rows in batches(lengths, _BATCH):
        at = torch.as_tensor(rows, device=asked.device)
        ids, query, text = pair(queries, texts, asked[at], read[at], twice=False)
        x = states(teachers.cross_encoder, ids, query | text, text.long())
        result[at, 0] = teachers.classifier(x)
    return result


def pairwise(first: Tensor, second: Tensor, asked: Tensor, read: Tensor) -> Tensor:
    return torch.cat(
        [
            (first[a] * second[r]).sum(1)
            for a, r in zip(asked.split(200000), read.split(200000), strict=True)
        ]
    )


def late_interaction(queries: Encoded, texts: Encoded, asked: Tensor, read: Tensor) -> Tensor:
    """Return the mean over the query's tokens of the best cosine in the text."""
    result = torch.zeros(len(asked), device=asked.device)
    for rows in batches((queries.lengths[asked] + texts.lengths[read]).cpu().numpy(), _BATCH * 4):
        at = torch.as_tensor(rows, device=asked.device)
        first, seen = gathered(queries, asked[at])
        second, present = gathered(texts, read[at])
        best = (
            (first @ second.transpose(1, 2))
            .masked_fill(~present[:, None, :], -1)
            .max(2)
            .values.float()
        )
        result[at] = (best * seen).sum(1) / seen.sum(1)
    return result


def gathered(encoded: Encoded, numbers: Tensor) -> tuple[Tensor, Tensor]:
    lengths = encoded.lengths[numbers][:, None]
    steps = torch.arange(int(lengths.max()), device=numbers.device)
    real = steps < lengths
    at = torch.where(real, encoded.starts[numbers][:, None] + steps, len(encoded.tokens) - 1)
    return encoded.tokens[at], real


def to_numpy(values: Tensor) -> np.ndarray:
    return values.to(torch.float16).cpu().numpy()
