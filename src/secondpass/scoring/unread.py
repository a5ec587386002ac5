"""Hits for texts that a budget left unread: first-stage order, no score, marked."""

from __future__ import annotations

from collections.abc import Sequence

from secondpass.types import Hit


def unread_hits(texts: Sequence[str], start: int, most: int | None) -> tuple[Hit, ...]:
    """Return hits of the texts from `start` on, at most `most`; None for all."""
    stop = len(texts) if most is None else min(len(texts), start + most)
    return tuple(
        Hit(index=at, score=None, text=texts[at], truncated=False, reranked=False)
        for at in range(start, stop)
    )
