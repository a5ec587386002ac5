"""Text to token ids, once per text, without special tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeGuard

import numpy as np
from numpy.typing import NDArray

from secondpass.models.boundary import tokenizing
from secondpass.native import native_call
from secondpass.scoring.reading import (
    READ_CHARACTERS,
    dropped_blanks,
    is_enough,
    leading,
    read_at_first,
    unread_tokens,
)
from secondpass.scoring.tokenized import (
    TokenizedText,
    check_ids,
    tokenizer_digest,
    vocabulary_end,
)
from secondpass.settings import available_processors

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

TokenIds = NDArray[np.int32]


# Encodings take some hundred times the memory of their text, so only `CHARACTERS_AT_A_TIME` are
# held as encodings, or one text.
CHARACTERS_AT_A_TIME = 400_000


class Encoded(NamedTuple):
    """A text's token ids, or the first of them, and how many it has in all.

    Of a text that is not read to its end, `tokens` counts what is read and one more.
    """

    ids: TokenIds
    tokens: int


class TextEncoder:
    """Encodes texts with at most `threads` threads."""

    def __init__(self, tokenizer: Tokenizer, threads: int) -> None:
        self._tokenizer = tokenizer
        # The tokenizer's own pool always takes every processor, so it is used only if we may too.
        self._parallel = threads > 1 and threads >= available_processors()

    @cached_property
    def digest(self) -> str:
        """Return a hash of all that decides a text's ids; the text of `TokenizedText` names it."""
        return tokenizer_digest(self._tokenizer)

    @cached_property
    def _vocabulary_end(self) -> int:
        return vocabulary_end(self._tokenizer)

    def encode(self, texts: Sequence[str], most_tokens: int | None = None) -> list[TokenIds]:
        """Return one array of token ids for each text, in order.

        Of a text of more than `most_tokens` that many and one are kept: it shows as too long. A
        text that brings ids of this tokenizer is not tokenized.
        """
        keep = None if most_tokens is None else most_tokens + 1
        return [one.ids for one in self.encode_counted(texts, keep)]

    def encode_counted(self, texts: Sequence[str], keep: int | None) -> list[Encoded]:
        """Return the first `keep` token ids of each text, in order, and how many it has.

        They are those of the whole text. Of a text of more than `READ_CHARACTERS`, no more is read.
        A text that brings ids of this tokenizer is not tokenized.
        """
        fresh = iter(self.tokenize([text for text in texts if not self._brings_ids(text)], keep))
        return [
            _brought(text, self._vocabulary_end, keep) if self._brings_ids(text) else next(fresh)
            for text in texts
        ]

    def brought(self, text: str, most_tokens: int) -> Encoded | None:
        """Return the ids of this tokenizer that a text brings, unless over `most_tokens`."""
        if not self._brings_ids(text) or len(text.ids) > most_tokens:
            return None
        return _brought(text, self._vocabulary_end, None)

    def _brings_ids(self, text: str) -> TypeGuard[TokenizedText]:
        return (
            isinstance(text, TokenizedText)
            and text.tokenizer == self.digest
            and text.ids_are_its_own
        )

    def tokenize(self, texts: Sequence[str], keep: int | None) -> list[Encoded]:
        """Return the first `keep` token ids of each text, whatever ids it brings."""
        encoded: list[Encoded] = []
        first = read_at_first(keep)
        texts = [text[self.leading_blanks(text, first) :] for text in texts]
        for group in text_groups(texts, first):
            begun = self._encodings([text[:first] for text in group])
            encoded += [self._kept(*both, keep) for both in zip(group, begun, strict=True)]
        return encoded

    def leading_blanks(self, text: str, read: int = READ_CHARACTERS) -> int:
        """Return how many blanks at its start a text of over `read` characters has without tokens.

        One is left before its first word.
        """
        if len(text) <= read or not text[:1].isspace():
            return 0
        return leading(text, self._dropped_blanks)

    @cached_property
    def _dropped_blanks(self) -> str:
        return dropped_blanks(lambda text: self._encodings([text])[0].ids)

    def _kept(self, text: str, begun: Encoding, keep: int | None) -> Encoded:
        """Return the first ids of a text whose beginning is encoded; more is read if need be."""
        read = min(len(text), read_at_first(keep))
        if read < min(len(text), READ_CHARACTERS) and not is_enough(len(begun), keep):
            read = READ_CHARACTERS
            (begun,) = self._encodings([text[:read]])
        ids = np.asarray(begun.ids[:keep], np.int32)
        return Encoded(ids, len(begun) + unread_tokens(text, read))

    def cut(self, text: str, most: int) -> tuple[str, int]:
        """Return the beginning of a text that has `most` tokens, and how many it has behind."""
        (encoding,) = self.encode_with_offsets([text])
        left = len(encoding) + unread_tokens(text, READ_CHARACTERS) - most
        last = encoding.token_to_chars(most - 1) if left > 0 and len(encoding) >= most else None
        return (text, 0) if last is None else (text[: last[1]], left)

    def encode_with_offsets(
        self,
        texts: Sequence[str],
        *,
        before: str = "",
        after: str = "",
        read: int | None = None,
    ) -> Iterator[Encoding]:
        """Yield the encoding of what is read of each text, in order; few are in memory at a time.

        An encoding knows the characters of its tokens, which the fast way does not keep. Each text
        is encoded between `before` and `after`, of which the characters count. `read` is how many
        characters of a text are read, by default `READ_CHARACTERS`.
        """
        read = READ_CHARACTERS if read is None else read
        for group in text_groups(texts, read, len(before) + len(after)):
            yield from self._with_offsets([f"{before}{text[:read]}{after}" for text in group])

    @native_call()
    @tokenizing
    def _with_offsets(self, texts: Sequence[str]) -> list[Encoding]:
        if self._parallel and len(texts) > 1:
            return self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [self._tokenizer.encode(text, add_special_tokens=False) for text in texts]

    @native_call()
    @tokenizing
    def _encodings(self, texts: Sequence[str]) -> list[Encoding]:
        if self._parallel and len(texts) > 1:
            return self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [self._tokenizer.encode(text, add_special_tokens=False) for text in texts]


def _brought(text: TokenizedText, vocabulary_end: int, keep: int | None) -> Encoded:
    check_ids(text, vocabulary_end)
    unread = unread_tokens(text, READ_CHARACTERS)
    return Encoded(text.ids[:keep].astype(np.int32), len(text.ids) + unread)


def text_groups(
    texts: Sequence[str], read: int = READ_CHARACTERS, around: int = 0
) -> Iterator[Sequence[str]]:
    """Cut a list into runs of which at most `CHARACTERS_AT_A_TIME` are read, or one text.

    Of each text at most `read` characters are read, and `around` characters with it.
    """
    start, characters = 0, 0
    for at, text in enumerate(texts):
        size = min(len(text), read) + around
        characters += size
        if characters > CHARACTERS_AT_A_TIME and at > start:
            yield texts[start:at]
            start, characters = at, size
    if start < len(texts):
        yield texts[start:]
