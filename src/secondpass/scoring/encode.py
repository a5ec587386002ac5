"""Text to token ids, once per text, without special tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeGuard

import numpy as np
from numpy.typing import NDArray

from secondpass.models.boundary import tokenizing
from secondpass.native import native_call
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


# Encodings take some fifty times the memory of their text, so only `CHARACTERS_AT_A_TIME` are held
# as encodings; a single text may be longer.
CHARACTERS_AT_A_TIME = 400_000


class Encoded(NamedTuple):
    """A text's token ids, or the first of them, and how many it has in all."""

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

        A text that brings ids of this tokenizer is not tokenized.
        """
        fresh = iter(self.tokenize([text for text in texts if not self._brings_ids(text)], keep))
        return [
            _brought(text, self._vocabulary_end, keep) if self._brings_ids(text) else next(fresh)
            for text in texts
        ]

    def brought(self, text: str, most_tokens: int) -> TokenIds | None:
        """Return the ids of this tokenizer that a text brings, unless over `most_tokens`."""
        if not self._brings_ids(text) or len(text.ids) > most_tokens:
            return None
        return _brought(text, self._vocabulary_end, None).ids

    def _brings_ids(self, text: str) -> TypeGuard[TokenizedText]:
        return (
            isinstance(text, TokenizedText)
            and text.tokenizer == self.digest
            and text.ids_are_its_own
        )

    def tokenize(self, texts: Sequence[str], keep: int | None) -> list[Encoded]:
        """Return the first `keep` token ids of each text, whatever ids it brings."""
        encoded: list[Encoded] = []
        for group in text_groups(texts):
            encoded += [
                Encoded(np.asarray(one.ids[:keep], np.int32), len(one))
                for one in self._encodings(group)
            ]
        return encoded

    def encode_with_offsets(self, texts: Sequence[str]) -> Iterator[Encoding]:
        """Yield each text's whole encoding, in order; only a few are in memory at a time.

        An encoding knows the characters of its tokens, which the fast way does not keep.
        """
        for group in text_groups(texts):
            yield from self._with_offsets(group)

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
    return Encoded(text.ids[:keep].astype(np.int32), len(text.ids))


def text_groups(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut a list into runs of at most `CHARACTERS_AT_A_TIME` characters, or one text."""
    start, characters = 0, 0
    for at, text in enumerate(texts):
        characters += len(text)
        if characters > CHARACTERS_AT_A_TIME and at > start:
            yield texts[start:at]
            start, characters = at, len(text)
    if start < len(texts):
        yield texts[start:]
