"""What the layers below the join make of each text, computed once: they are not trained.

A text is encoded alone, unpadded, so its states are the same bits in every step, batch and process:
a resumed run equals one that never stopped, whatever was kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from cachetools import LRUCache
from torch import Tensor

from secondpass.environment.machine import read_machine
from secondpass.training.late_join import Encoder

# What is kept: at most `MOST_BYTES`, and at most this share of the memory that is free at first.
MOST_BYTES = 2 * 2**30
FREE_SHARE = 0.25


def default_bytes() -> int:
    """Return how many bytes of states this machine keeps."""
    return min(MOST_BYTES, int(read_machine().memory_available * FREE_SHARE))


class JoinStates:
    """Encodes texts by their token ids and keeps the newest states, at most `most_bytes` of them.

    Under autocast the states are kept in its type, which the layers above the join round them to;
    else they are kept as they were computed.
    """

    def __init__(self, encoder: Encoder, most_bytes: int) -> None:
        self._encoder = encoder
        self._kept: LRUCache[tuple[bytes, torch.dtype], Tensor] = LRUCache(
            most_bytes, getsizeof=lambda states: states.nbytes
        )
        self.computed = 0

    def of(self, ids: Tensor) -> Tensor:
        """Return a text's states [tokens, width] from its token ids [tokens], with no gradient."""
        device = ids.device.type
        autocast = torch.is_autocast_enabled(device)
        kind = torch.get_autocast_dtype(device) if autocast else torch.float32
        key = ids.cpu().numpy().tobytes(), kind
        states = self._kept.get(key)
        if states is None:
            # predict() runs in inference mode; training continues from the same states.
            with torch.inference_mode(False), torch.no_grad():
                states = self._encoder.alone(ids[None])[0].to(kind)
            self.computed += 1
            if states.nbytes <= self._kept.maxsize:
                self._kept[key] = states
        return states

    def clear(self) -> None:
        """Forget all: the encoder has other weights."""
        self._kept.clear()


def join_pairs(pairs: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
    """Put the states of queries and texts, [tokens, width] each, behind one another and pad.

    Returns x float32 [rows, length, width], and where query and text stand, bool [rows, length].
    """
    length = max(len(query) + len(text) for query, text in pairs)
    first = pairs[0][0]
    x = torch.zeros(len(pairs), length, first.shape[-1], device=first.device)
    query = torch.zeros(len(pairs), length, dtype=torch.bool, device=first.device)
    text = query.clone()
    for row, (query_states, text_states) in enumerate(pairs):
        middle, end = len(query_states), len(query_states) + len(text_states)
        x[row, :middle], x[row, middle:end] = query_states, text_states
        query[row, :middle], text[row, middle:end] = True, True
    return x, query, text
