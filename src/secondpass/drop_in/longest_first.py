"""Cutting a query that is too long for its text, by the rule "longest_first" of transformers."""

from __future__ import annotations

from collections.abc import Sequence

from secondpass.scoring.encode import TextEncoder
from secondpass.scoring.tokenized import TokenizedText


def kept(query: int, text: int, room: int) -> tuple[int, int]:
    """Return how many tokens are kept of a query and a text that share `room`.

    >>> kept(10, 300, 100), kept(300, 10, 100), kept(80, 300, 101), kept(5, 5, 100)
    ((10, 90), (90, 10), (50, 51), (5, 5))
    """
    if query + text <= room:
        return query, text
    shorter = min(query, text)
    if 2 * shorter <= room:
        return (query, room - query) if query <= text else (room - text, text)
    half, odd = room // 2, room % 2
    return (half, half + odd) if query <= text else (half + odd, half)


def cut_queries(
    query: str,
    texts: Sequence[str],
    room: int,
    encoder: TextEncoder,
    *,
    least_room: int = 0,
    with_ids: bool = True,
) -> list[str]:
    """Return the query for each text, cut where both do not fit into `room` tokens.

    It leaves at least `least_room` for an empty text too. Texts for which it is cut alike share one
    object. `with_ids` hangs the ids of the whole query on a cut one: at the cut its characters
    alone may be other tokens.
    """
    ((ids, tokens),) = encoder.encode_counted([query], room)
    if 2 * tokens <= room:
        return [query] * len(texts)
    most = room - least_room
    counted = encoder.encode_counted(texts, 0)
    lengths = [min(most, kept(tokens, one.tokens, room)[0]) for one in counted]
    cut: dict[int, str] = {}
    for length in set(lengths):
        if length < tokens:
            text = encoder.cut(query, length)[0] if length else ""
            digest = encoder.digest
            cut[length] = TokenizedText(text, ids[:length], digest) if with_ids else text
    return [cut.get(length, query) for length in lengths]
