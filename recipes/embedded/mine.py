"""Candidates of each training query: its positive and own negatives, BM25's, two bi-encoders', and random ones."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recipes.embedded.bert import Ragged

CANDIDATES = 16
# Of each pool: how deep it goes, and the chance's weight of one of its members (more is likelier).
BM25, BGE, MINILM, RANDOM = (10, 3.0), (18, 3.0), (10, 1.5), (6, 1.0)


def bm25_weights(
    passages: Ragged, first: int, last: int, device: str, k1: float = 1.2, b: float = 0.75
) -> Tensor:
    """Return BM25's weight of each word piece in each passage, sparse [passages, words]."""
    lengths = passages.lengths[first:last]
    ids = passages.ids[
        passages.starts[first] : passages.starts[last - 1] + passages.lengths[last - 1]
    ]
    rows = np.repeat(np.arange(last - first), lengths)
    key, count = torch.unique(torch.tensor(rows * 30522 + ids, device=device), return_counts=True)
    row, word = key // 30522, key % 30522
    documents = torch.bincount(word, minlength=30522).float()
    idf = torch.log(1 + (last - first - documents + 0.5) / (documents + 0.5))
    length = torch.tensor(lengths, device=device, dtype=torch.float32)
    norm = k1 * (1 - b + b * length / length.mean().clamp_min(1))
    value = idf[word] * count * (k1 + 1) / (count + norm[row])
    return (
        torch.sparse_coo_tensor(torch.stack([row, word]), value, (last - first, 30522))
        .coalesce()
        .to_sparse_csr()
    )


def bm25_best(
    weights: Tensor, queries: list[NDArray[np.int32]], depth: int, device: str
) -> NDArray[np.int64]:
    """Return the best passages of each query, [queries, depth]."""
    best = []
    for start in range(0, len(queries), 512):
        block = queries[start : start + 512]
        asked = torch.zeros(30522, len(block), device=device)
        for column, ids in enumerate(block):
            asked[torch.as_tensor(ids.astype(np.int64), device=device), column] = 1
        best.append((weights @ asked).topk(min(depth, weights.shape[0]), 0).indices.T.cpu().numpy())
    return np.concatenate(best)


def nearest(passages: Tensor, queries: Tensor, depth: int) -> NDArray[np.int64]:
    """Return the passages of the highest cosine, [queries, depth]."""
    depth = min(depth, len(passages))
    return np.concatenate(
        [(block @ passages.T).topk(depth, 1).indices.cpu().numpy() for block in queries.split(2048)]
    )


def choose(
    positive: NDArray[np.int32],
    own: NDArray[np.int32],
    long: NDArray[np.bool_],
    pools: list[tuple[NDArray[np.int64], float]],
    count: int,
    random: np.random.Generator,
) -> NDArray[np.int32]:
    """Return candidates [queries, CANDIDATES], the positive first, -1 where there are too few.

    A long query is a passage: it is not its own candidate. All numbers are within the source.
    """
    rows = len(positive)
    columns = [np.where(long, -1, positive)[:, None], own]
    weights = [np.full((rows, 1), 1e9), np.full(own.shape, 4.0)]
    for numbers, weight in [*pools, (random.integers(0, count, (rows, RANDOM[0])), RANDOM[1])]:
        columns.append(numbers)
        weights.append(np.full(numbers.shape, weight))
    candidates, weight = np.concatenate(columns, 1).astype(np.int64), np.concatenate(weights, 1)
    # The first of equals stays; the order of a stable sort says which that is.
    order = np.argsort(candidates, 1, kind="stable")
    ordered = np.take_along_axis(candidates, order, 1)
    again = np.concatenate([np.zeros((rows, 1), bool), ordered[:, 1:] == ordered[:, :-1]], 1)
    repeated = np.zeros_like(again)
    np.put_along_axis(repeated, order, again, 1)
    refused = repeated | (candidates < 0) | (long[:, None] & (candidates == positive[:, None]))
    # Sampling without replacement by weight (Efraimidis and Spirakis 2006).
    key = np.where(refused, -np.inf, np.log(random.random(weight.shape)) / weight)
    chosen = np.argsort(-key, 1)[:, :CANDIDATES]
    result = np.take_along_axis(np.where(refused, -1, candidates), chosen, 1)
    if result.shape[1] < CANDIDATES:
        result = np.pad(result, ((0, 0), (0, CANDIDATES - result.shape[1])), constant_values=-1)
    return result.astype(np.int32)
