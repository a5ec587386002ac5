"""Cutting what does not fit. Only texts are cut, never the query."""

from __future__ import annotations

from secondpass.errors import InputError
from secondpass.scoring.encode import TokenIds


def room_for_text(query_tokens: int, special_tokens: int, max_length: int) -> int:
    """Return how many tokens of a text fit beside the query; at least one, or an error."""
    room = max_length - special_tokens - query_tokens
    if room < 1:
        raise InputError(
            f"the query has {query_tokens} tokens and leaves no room for a text: max_length is "
            f"{max_length}, of which {special_tokens} are special tokens; shorten the query to at "
            f"most {max_length - special_tokens - 1} tokens or raise max_length"
        )
    return room


def cut(ids: TokenIds, room: int) -> TokenIds:
    """Return the first `room` token ids."""
    return ids[:room]
