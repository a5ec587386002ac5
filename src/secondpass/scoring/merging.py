"""Windows to texts: each text's logit from those of its windows, and which of them is the best."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from secondpass.scoring.ranking import Scores

# For each row or text after how many layers it left; two values are no number of layers.
Left = NDArray[np.int16]
READ_WHOLE = np.iinfo(np.int16).max
FIRST_MODEL_ONLY = -1


def read_whole(count: int) -> Left:
    """Return what says so of `count` rows."""
    return np.full(count, READ_WHOLE, np.int16)


# One record a window: the number of its text in the block; of that text the tokens that some window
# reads and those that none does; the window's characters [start, end), -1 where nobody asked; of a
# text of which sentences were chosen the characters of each run, as `packed` has them.
_NUMBERS = ("text", "tokens", "dropped_tokens", "start", "end")
WINDOW = np.dtype([*((name, np.int64) for name in _NUMBERS), ("spans", np.object_)])
Windows = NDArray[np.void]

Span = tuple[int, int]
_Record = tuple[int, int, int, int, int, bytes]


class Read(NamedTuple):
    """What a hit says of what was read; named as its fields are."""

    truncated: bool
    tokens: int
    dropped_tokens: int
    span: Span | None
    spans: tuple[Span, ...] | None


def packed(spans: Sequence[Span]) -> bytes:
    """Return spans as bytes, which a score cache can keep; `unpacked` is the inverse."""
    return np.array(spans, "<i4").tobytes()


def unpacked(spans: bytes) -> tuple[Span, ...]:
    """Return the spans that `packed` made these bytes of."""
    pairs = np.frombuffer(spans, "<i4").reshape(-1, 2)
    return tuple((start, end) for start, end in pairs.tolist())


def read_of(window: np.void) -> Read:
    """Return a record as a hit has it."""
    _, tokens, dropped, start, end, spans = cast(_Record, window.item())
    span = None if start < 0 else (start, end)
    return Read(dropped > 0, tokens, dropped, span, unpacked(spans) if spans else None)


class Merged(NamedTuple):
    """One logit for each text, after how many layers it left, and the record of its best window."""

    logits: Scores
    left: Left
    best: Windows


def merge(parts: Iterable[tuple[Scores, Left, Windows]], best_windows: int) -> Merged:
    """Return the mean of each text's `best_windows` highest logits, or of all if it has fewer.

    1 is the maximum. Of equal windows the first is the best. A text with a logit that is no finite
    number gets that one: an average must not hide it.

    Args:
        parts: of a block, logits float32 [w], after how many layers each left [w], which is the
            same for all of a text, and the windows' records [w], together a text's windows one
            after the other.
        best_windows: how many count.
    """
    logits, left, windows = (np.concatenate(column) for column in zip(*parts, strict=True))
    bounds = np.flatnonzero(np.diff(windows["text"], prepend=-1))
    if len(bounds) == len(windows):
        return Merged(logits, left, windows)
    ends = [*bounds[1:].tolist(), len(windows)]
    merged = np.empty(len(bounds), np.float32)
    winners = np.empty(len(bounds), np.intp)
    for at, (start, end) in enumerate(zip(bounds.tolist(), ends, strict=True)):
        values = logits[start:end]
        order = np.argsort(-values, kind="stable")
        winners[at] = start + order[0]
        merged[at] = _mean(values[order[:best_windows]], values)
    return Merged(merged, left[winners], windows[winners])


def _mean(best: Scores, values: Scores) -> float:
    broken = values[~np.isfinite(values)]
    return float(broken[0] if len(broken) else best.mean(dtype=np.float64))
