"""Cutting what does not fit. Only texts are cut, never the query."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secondpass.errors import InputError
from secondpass.scoring.encode import TokenIds

if TYPE_CHECKING:
    from tokenizers import Encoding


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


@dataclass(frozen=True, slots=True)
class Cut:
    """How a text of `tokens` tokens is read: in windows of at most `room`, from each of `starts`.

    The starts rise, and no token before the last window's end is skipped.
    """

    tokens: int
    room: int
    starts: Sequence[int]

    @property
    def read(self) -> int:
        """Tokens that are in a window."""
        return min(self.tokens, self.starts[-1] + self.room)

    @property
    def dropped(self) -> int:
        """Tokens that are in none."""
        return self.tokens - self.read

    @property
    def parts_the_text(self) -> bool:
        """Whether a window is less than the text."""
        return self.tokens > self.room

    @property
    def bounds(self) -> Iterator[tuple[int, int]]:
        """First token and one past the last, of each window."""
        return ((start, min(start + self.room, self.tokens)) for start in self.starts)


def span_of(encoding: Encoding, text: str, start: int, stop: int) -> tuple[int, int]:
    """Return the characters [start, end) of `text` that the tokens [start, stop) were made from.

    A combining mark that the tokenizer dropped stays with its letter.
    """
    first, last = encoding.token_to_chars(start), encoding.token_to_chars(stop - 1)
    following = encoding.token_to_chars(stop) if stop < len(encoding) else None
    assert first is not None
    assert last is not None
    end, limit = last[1], len(text) if following is None else following[0]
    while end < limit and unicodedata.combining(text[end]):
        end += 1
    return first[0], end
