"""Token ids on the device: texts, and the sequences that models are given, padded by length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recipes.embedded.ragged import Ragged

# bert-base-uncased's vocabulary, which all the models share: its size, [CLS], [SEP], [MASK].
VOCABULARY, FIRST, LAST, MASK = 30522, 101, 102, 103
POSITIONS = 512
# A length that attention is fast with.
MULTIPLE = 16


class DeviceTexts:
    """Texts on the device, with one token of padding behind the last.

    `known_lengths` are `lengths` where nothing waits for the device.
    """

    def __init__(self, texts: Ragged, device: str) -> None:
        self.ids = torch.tensor(np.append(texts.ids, 0), device=device)
        self.starts = torch.tensor(texts.starts, device=device)
        self.lengths = torch.tensor(texts.lengths, device=device)
        self.known_lengths = texts.lengths

    def tokens(self, rows: Tensor, steps: Tensor, real: Tensor) -> Tensor:
        """Return ids [rows, length]: each text's token number `steps` where `real`, else 0."""
        places = torch.where(real, self.starts[rows][:, None] + steps, len(self.ids) - 1)
        return torch.where(real, self.ids[places], 0)


def batch_tokens(device: str) -> int:
    """Return how many padded tokens a batch without gradients may have."""
    return 131072 if device == "cuda" else 4096


def batches(lengths: NDArray[np.int64], tokens: int) -> Iterator[NDArray[np.int64]]:
    """Yield row numbers, longest first, at most `tokens` padded tokens a batch."""
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        rows = max(1, tokens // max(1, int(lengths[order[start]])))
        yield order[start : start + rows]
        start += rows


def single(
    texts: DeviceTexts, rows: Tensor, length: int, before: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """Return ids [rows, more than length] and which are real: [CLS], `before`, the text, [SEP]."""
    steps = torch.arange(length, device=rows.device)
    real = steps < texts.lengths[rows][:, None]
    body = texts.tokens(rows, steps, real)
    head = torch.tensor([FIRST, *before], device=body.device, dtype=body.dtype)
    head = head.expand(len(rows), -1)
    ids = torch.cat([head, body, body.new_zeros(len(rows), 1)], 1)
    seen = torch.cat([torch.ones_like(head, dtype=torch.bool), real], 1)
    seen = torch.cat([seen, seen.new_zeros(len(rows), 1)], 1)
    ends = seen.sum(1, keepdim=True)
    return ids.scatter(1, ends, LAST), seen.scatter(1, ends, True)


def pair(
    queries: DeviceTexts,
    texts: DeviceTexts,
    query_rows: Tensor,
    text_rows: Tensor,
    *,
    twice: bool,
    longest: int | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return ids [rows, length], the query's tokens, and the text's.

    They are [CLS] query [SEP] text [SEP], with [CLS] again before the text if `twice`; a text is
    cut where the positions end. `longest` is the longest sequence, if known: finding it waits for
    the device.
    """
    query_end = (queries.lengths[query_rows] + 1)[:, None]  # where the first [SEP] stands
    room = POSITIONS - 3 - query_end
    body = query_end + (2 if twice else 1)
    end = body + torch.minimum(texts.lengths[text_rows][:, None], room)
    longest = int(end.max()) + 1 if longest is None else min(longest, POSITIONS)
    length = -(-longest // MULTIPLE) * MULTIPLE
    steps = torch.arange(length, device=query_rows.device)[None]
    in_query, in_text = (steps >= 1) & (steps < query_end), (steps >= body) & (steps < end)
    ids = queries.tokens(query_rows, steps - 1, in_query)
    ids = torch.where(in_text, texts.tokens(text_rows, steps - body, in_text), ids)
    ids = torch.where((steps == query_end) | (steps == end), LAST, ids)
    ids = torch.where((steps == 0) | ((steps == body - 1) & twice), FIRST, ids)
    return ids, steps <= query_end, (steps > query_end) & (steps <= end)
