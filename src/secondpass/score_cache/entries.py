"""A scored text as bytes, and back: what a score cache keeps.

These are the facts that do not depend on the activation, on which other texts are ranked, or on how
the result is put in order.
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct

import numpy as np

from secondpass.scoring.scored import Scored

# Part of the score cache's keys: raise it with any change here, and no older entry is found.
LAYOUT = "logit <f4, tokens dropped_tokens start end <i8, spans <i4; 1"

# What is as long for every text, in the order of `LAYOUT`; the spans follow.
_NUMBERS = Struct("<f4q")


def to_bytes(scored: Scored) -> list[bytes]:
    """Return each row as bytes, which are longer the more spans it has."""
    rows = zip(
        scored.logits.tolist(),
        scored.tokens.tolist(),
        scored.dropped_tokens.tolist(),
        scored.span.tolist(),
        scored.spans.tolist(),
        strict=True,
    )
    return [
        _NUMBERS.pack(logit, tokens, dropped, *span) + np.array(spans or (), "<i4").tobytes()
        for logit, tokens, dropped, span, spans in rows
    ]


def from_bytes(rows: Iterable[bytes]) -> Scored:
    """Return the rows that `to_bytes` made these of, as known texts."""
    entries = list(rows)
    numbers = np.array([_NUMBERS.unpack_from(row) for row in entries]).reshape(-1, 5)
    spans = np.empty(len(entries), np.object_)
    for position, row in enumerate(entries):
        spans[position] = _unpacked(row[_NUMBERS.size :])
    return Scored.of(
        numbers[:, 0].astype(np.float32),
        tokens=numbers[:, 1].astype(np.int64),
        dropped_tokens=numbers[:, 2].astype(np.int64),
        span=numbers[:, 3:].astype(np.int32),
        spans=spans,
        cached=np.ones(len(entries), np.bool_),
    )


def _unpacked(spans: bytes) -> tuple[tuple[int, int], ...] | None:
    if not spans:
        return None
    pairs = np.frombuffer(spans, "<i4").reshape(-1, 2)
    return tuple((start, end) for start, end in pairs.tolist())
