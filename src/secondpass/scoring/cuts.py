"""Cutting what does not fit: which token runs of a text are scored. Only texts are cut."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from secondpass.errors import Argument, InputError
from secondpass.scoring.encode import Encoded, TokenIds

Span = tuple[int, int]


class TextTokens(Protocol):
    """The tokens of a text that know their characters; an `Encoding` of tokenizers is one."""

    @property
    def ids(self) -> list[int]:
        """The token ids."""
        ...

    @property
    def offsets(self) -> list[Span]:
        """The characters [start, end) of each token."""
        ...

    def token_to_chars(self, token_index: int) -> Span | None:
        """Return the characters of one token."""
        ...

    def __len__(self) -> int: ...


class Cut(NamedTuple):
    """What is scored of one text.

    `parts` are the token ids of each sequence, `spans` the characters [start, end) of each, None
    for a whole text or where nobody asks. `chosen` are the characters of selected sentences.
    """

    parts: Sequence[TokenIds]
    tokens: int
    dropped_tokens: int
    spans: Sequence[Span | None]
    chosen: tuple[Span, ...] | None = None

    def behind(self, characters: int) -> Cut:
        """Return this cut of what stands behind so many characters as one of the whole text."""
        if not characters:
            return self
        spans = [span and (span[0] + characters, span[1] + characters) for span in self.spans]
        chosen = self.chosen and tuple(
            (start + characters, end + characters) for start, end in self.chosen
        )
        return self._replace(spans=spans, chosen=chosen)


def room_for_text(query_tokens: int, special_tokens: int, max_length: int, least: int = 1) -> int:
    """Return how many tokens of a text fit beside the query; at least `least`, or an error."""
    room = max_length - special_tokens - query_tokens
    if room < least:
        raise InputError(
            f"the query has {query_tokens} tokens and leaves no room for a text: ",
            Argument("max_length"),
            f" is {max_length}, of which {special_tokens} are special tokens; shorten the query to "
            f"at most {max_length - special_tokens - 1} tokens, raise ",
            Argument("max_length"),
            ", or rank with ",
            Argument("long_query", "truncate"),
            ", which cuts it",
        )
    return room


def truncate(text: Encoded, room: int) -> Cut:
    """Keep the first `room` tokens."""
    kept = text.ids[:room]
    return Cut([kept], len(kept), text.tokens - len(kept), [None])


def span_of(encoding: TextTokens, text: str, start: int, stop: int) -> Span:
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
