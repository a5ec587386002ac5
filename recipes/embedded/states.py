"""Every text's hidden states at the join, computed once: the layers below it are not trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor

from secondpass.training.join_states import join_pairs
from secondpass.training.late_join import Encoder

FIRST, LAST = 101, 102  # BERT's [CLS] and [SEP]
_BATCH_TOKENS = 4096


@dataclass(frozen=True, slots=True)
class States:
    """`states` bf16 [all tokens, width], text t from starts[t] on.

    `embeddings` are the bi-encoder's unit vectors, float32 [texts, width].
    """

    states: Tensor
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    embeddings: Tensor

    def pairs(
        self, pairs: Sequence[tuple[int, int]], budget: int
    ) -> Iterator[tuple[NDArray[np.int64], Tensor, Tensor, Tensor]]:
        """Yield batches of at most `budget` padded tokens, shortest pairs first.

        Yields which pairs, x [rows, length, width], and where the query and the text stand.
        """
        lengths = np.array([self.lengths[query] + self.lengths[text] for query, text in pairs])
        order = np.argsort(lengths, kind="stable")
        start = 0
        while start < len(order):
            stop = start
            while stop < len(order) and (stop - start + 1) * lengths[order[stop]] <= budget:
                stop += 1
            chosen = order[start : max(stop, start + 1)]
            sides = [
                (self._of(query), self._of(text)) for query, text in (pairs[at] for at in chosen)
            ]
            yield chosen, *join_pairs(sides)
            start += len(chosen)

    def _of(self, number: int) -> Tensor:
        return self.states[self.starts[number] :][: self.lengths[number]]


@dataclass(frozen=True, slots=True)
class BelowJoin:
    """Every text's token ids, and the layers that read texts apart: for heads of lower layers."""

    encoder: Encoder
    ids: list[list[int]]

    def length(self, query: int, text: int) -> int:
        """Return the tokens of a pair."""
        return len(self.ids[query]) + len(self.ids[text])

    def pairs(self, pairs: Sequence[tuple[int, int]], layers: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return the states of pairs after so many layers, [rows, length, width], and the sides."""
        length = max(self.length(*pair) for pair in pairs)
        ids = torch.zeros(len(pairs), length, dtype=torch.long)
        query = torch.zeros(len(pairs), length, dtype=torch.bool)
        text = query.clone()
        for at, (first, second) in enumerate(pairs):
            middle, end = len(self.ids[first]), self.length(first, second)
            ids[at, :end] = torch.tensor(self.ids[first] + self.ids[second])
            query[at, :middle] = True
            text[at, middle:end] = True
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            x = self.encoder.apart(ids, query, text, layers)
        return x.float(), query, text


def tokenize(tokenizer: Tokenizer, texts: list[str], limits: list[int]) -> list[list[int]]:
    """Return each text's token ids, cut at its limit, special tokens included."""
    encoded = tokenizer.encode_batch(texts, add_special_tokens=False)
    return [
        [FIRST, *text.ids[: limit - 2], LAST] for text, limit in zip(encoded, limits, strict=True)
    ]


def compute_states(encoder: Encoder, ids: list[list[int]], join: int) -> States:
    """Encode texts once."""
    lengths = np.array([len(text) for text in ids])
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    width = encoder.norm.weight.shape[0]
    states = torch.zeros(int(lengths.sum()), width, dtype=torch.bfloat16)
    embeddings = torch.zeros(len(ids), width)
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        fits = _BATCH_TOKENS // int(lengths[order[min(start + 63, len(order) - 1)]])
        chosen = order[start : start + max(1, min(fits, 256))]
        joined, embeddings[chosen] = _encode(encoder, [ids[at] for at in chosen], join)
        for row, at in enumerate(chosen):
            states[starts[at] : starts[at] + lengths[at]] = joined[row, : lengths[at]]
        start += len(chosen)
    return States(states, starts, lengths, embeddings)


def _encode(encoder: Encoder, ids: list[list[int]], join: int) -> tuple[Tensor, Tensor]:
    length = len(ids[-1])
    padded = torch.tensor([text + [0] * (length - len(text)) for text in ids])
    seen = torch.tensor([[True] * len(text) + [False] * (length - len(text)) for text in ids])
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        hidden = encoder(padded, seen)
    real = seen[..., None].float()
    mean = (hidden[-1].float() * real).sum(1) / real.sum(1)
    return hidden[join].bfloat16(), torch.nn.functional.normalize(mean, dim=-1)
