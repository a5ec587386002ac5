"""Windows over a text that does not fit: the first one, or all of them."""

from __future__ import annotations

import numpy as np

from secondpass.scoring.cuts import Cut, TextTokens, span_of
from secondpass.scoring.reading import READ_CHARACTERS, unread_tokens

# The windows of a text have at most so many tokens together: a thousand windows of 512.
WINDOW_TOKENS = 2**19


def window_starts(tokens: int, room: int, stride: int) -> list[int]:
    """Return the first token of each window of `room` tokens over a text of `tokens` tokens.

    The last window is moved back so that it is full. With a stride of at most `room` every token is
    in a window, and neighbours share at least `room - stride` tokens.

    >>> window_starts(10, room=4, stride=3)
    [0, 3, 6]
    >>> window_starts(9, room=4, stride=3)
    [0, 3, 5]
    """
    if tokens <= room:
        return [0]
    last = tokens - room
    return [*range(0, last, stride), last]


def cut_windows(encoding: TextTokens, text: str, room: int, stride: int | None) -> Cut:
    """Cut a text into windows of `room` tokens, `stride` apart; None is the first window only.

    `encoding` is that of what is read of the text. The first windows are taken, of `WINDOW_TOKENS`
    together; what is in none of them is dropped.
    """
    ids = np.asarray(encoding.ids, np.int32)
    tokens = len(ids) + unread_tokens(text, READ_CHARACTERS)
    most = max(1, WINDOW_TOKENS // room)
    starts = [0] if stride is None else window_starts(len(ids), room, stride)[:most]
    bounds = [(start, min(start + room, len(ids))) for start in starts]
    covered = bounds[-1][1]
    whole = tokens <= room or not covered
    read = text[:READ_CHARACTERS]
    spans = [None if whole else span_of(encoding, read, *one) for one in bounds]
    return Cut([ids[start:stop] for start, stop in bounds], covered, tokens - covered, spans)
