"""Candidates of each training query: its positive, its own negatives, and the best of pools.

The pools are BM25's, two bi-encoders', and random passages of the same source.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recipes.embedded.layouts import VOCABULARY
from recipes.embedded.ragged import Ragged
from recipes.embedded.settings import Mining

K1, B = 1.2, 0.75
_BM25_QUERIES, _DENSE_QUERIES = 512, 2048
# Above every other weight: a positive is always chosen, and first.
_CERTAIN = 1e9

# Numbers of passages [queries, depth], and the weight of each in the choice.
Candidates = tuple[NDArray[np.integer], float]


def bm25_weights(passages: Ragged, first: int, last: int, device: str) -> Tensor:
    """Return BM25's weight of each token in passages first to last, sparse [passages, tokens]."""
    count, lengths = last - first, passages.lengths[first:last]
    ids = passages.ids[passages.starts[first] : passages.starts[last - 1] + lengths[-1]]
    keys = np.repeat(np.arange(count), lengths) * VOCABULARY + ids
    key, occurrences = torch.unique(torch.tensor(keys, device=device), return_counts=True)
    row, token = key // VOCABULARY, key % VOCABULARY
    documents = torch.bincount(token, minlength=VOCABULARY).float()
    idf = torch.log(1 + (count - documents + 0.5) / (documents + 0.5))
    length = torch.tensor(lengths, device=device, dtype=torch.float32)
    norm = K1 * (1 - B + B * length / length.mean().clamp_min(1))
    value = idf[token] * occurrences * (K1 + 1) / (occurrences + norm[row])
    places = torch.stack([row, token])
    return torch.sparse_coo_tensor(places, value, (count, VOCABULARY)).coalesce().to_sparse_csr()


def bm25_best(
    weights: Tensor, queries: Sequence[NDArray[np.int32]], depth: int, device: str
) -> NDArray[np.int64]:
    """Return the best passages of each query, [queries, depth]."""
    best = []
    for start in range(0, len(queries), _BM25_QUERIES):
        block = queries[start : start + _BM25_QUERIES]
        asked = torch.zeros(VOCABULARY, len(block), device=device)
        for column, ids in enumerate(block):
            asked[torch.as_tensor(ids.astype(np.int64), device=device), column] = 1
        best.append((weights @ asked).topk(min(depth, weights.shape[0]), 0).indices.T.cpu().numpy())
    return np.concatenate(best)


def nearest(passages: Tensor, queries: Tensor, depth: int) -> NDArray[np.int64]:
    """Return the passages of the highest cosine, [queries, depth]."""
    depth = min(depth, len(passages))
    blocks = queries.split(_DENSE_QUERIES)
    return np.concatenate(
        [(block @ passages.T).topk(depth, 1).indices.cpu().numpy() for block in blocks]
    )


def choose(
    positive: NDArray[np.int32],
    own: NDArray[np.int32],
    long: NDArray[np.bool_],
    pools: Sequence[Candidates],
    count: int,
    mining: Mining,
    random: np.random.Generator,
) -> NDArray[np.int32]:
    """Return candidates [queries, mining.candidates], the positive first, -1 where too few.

    All are numbers of a source's `count` passages. A long query is a passage, its `positive`: it
    is not its own candidate.
    """
    rows = len(positive)
    anything = random.integers(0, count, (rows, mining.random.depth))
    pools = [
        (np.where(long, -1, positive)[:, None], _CERTAIN),
        (own, mining.own_weight),
        *pools,
        (anything, mining.random.weight),
    ]
    candidates = np.concatenate([numbers for numbers, _ in pools], 1).astype(np.int64)
    weights = np.concatenate([np.full(numbers.shape, weight) for numbers, weight in pools], 1)
    itself = long[:, None] & (candidates == positive[:, None])
    refused = repeated(candidates) | (candidates < 0) | itself
    # Sampling without replacement by weight (Efraimidis and Spirakis 2006).
    key = np.where(refused, -np.inf, np.log(random.random(weights.shape)) / weights)
    chosen = np.argsort(-key, 1)[:, : mining.candidates]
    result = np.take_along_axis(np.where(refused, -1, candidates), chosen, 1).astype(np.int32)
    missing = mining.candidates - result.shape[1]
    return np.pad(result, ((0, 0), (0, missing)), constant_values=-1)


def repeated(candidates: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return where a number stands in its row for a second time."""
    # A stable sort keeps equals in their order, so the first of them is the one that stays.
    order = np.argsort(candidates, 1, kind="stable")
    ordered = np.take_along_axis(candidates, order, 1)
    again = np.zeros(candidates.shape, bool)
    again[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    result = np.zeros_like(again)
    np.put_along_axis(result, order, again, 1)
    return result


def sources(
    ranges: NDArray[np.int32], source: NDArray[np.int16]
) -> Iterator[tuple[int, int, NDArray[np.intp]]]:
    """Yield each source's first passage, the one behind its last, and its queries' rows."""
    for number, (first, last) in enumerate(ranges.tolist()):
        rows = np.flatnonzero(source == number)
        if len(rows):
            yield first, last, rows
