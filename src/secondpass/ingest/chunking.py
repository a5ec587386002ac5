"""Long texts to chunks of at most `max_tokens` tokens, cut where their meaning changes."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any, NamedTuple

from tokenizers import Tokenizer

from secondpass.checks import integer
from secondpass.errors import InputError, MissingExtraError
from secondpass.models.digest import text_sha256
from secondpass.scoring.candidates import checked_text

_PACKAGE = "semantic-text-splitter"


class Chunk(NamedTuple):
    """A part of a text: `text` is the whole text's `[start:end]`, in characters."""

    start: int
    end: int
    text: str


class Chunker:
    """Cuts at headings, blocks, paragraphs, sentences, words: the highest of them that fits.

    Args:
        tokenizer: counts the tokens; its truncation, padding and special tokens do not count.
        max_tokens: the most tokens of a chunk. A single character of more tokens is kept whole.
        overlap: up to this many tokens at a chunk's end are also the beginning of the next.
        whole_tokens: the most tokens of a row that stays whole, by default `max_tokens`.

    Raises:
        InputError: `max_tokens` is less than 1, or `overlap` not less than `max_tokens`.
        MissingExtraError: semantic-text-splitter is not installed.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        max_tokens: int = 200,
        overlap: int = 0,
        whole_tokens: int | None = None,
    ) -> None:
        integer("max_tokens", max_tokens)
        if integer("overlap", overlap, 0) >= max_tokens:
            raise InputError(
                f"overlap {overlap} leaves no room in chunks of {max_tokens} tokens; pass at most "
                f"overlap={max_tokens - 1}"
            )
        whole = max_tokens if whole_tokens is None else whole_tokens
        self._whole_tokens = integer("whole_tokens", whole)
        splitters = _splitters()
        counting = self._counting = _plain(tokenizer)
        described = json.dumps(
            [counting.to_str(), max_tokens, overlap, self._whole_tokens, version(_PACKAGE)]
        )
        # What decides the chunks of a text.
        self.rules = text_sha256(described)[:16]
        self._text = splitters.TextSplitter.from_huggingface_tokenizer(
            counting, max_tokens, overlap
        )
        self._markdown = splitters.MarkdownSplitter.from_huggingface_tokenizer(
            counting, max_tokens, overlap
        )

    def split(self, text: str, *, markdown: bool = False) -> list[Chunk]:
        """Return the chunks in order, without the white space around them.

        White space alone gives no chunk.

        Raises:
            InputError: the text is not a string, or has a lone surrogate.
        """
        splitter = self._markdown if markdown else self._text
        found = splitter.chunk_indices(checked_text(text, "text"))
        return [Chunk(start, start + len(part), part) for start, part in found]

    def is_long(self, text: str) -> bool:
        """Tell whether a row's text has more tokens than stay whole."""
        # No token is shorter than a byte, so that most rows need not be tokenized here.
        if len(text) * 4 <= self._whole_tokens or len(text.encode()) <= self._whole_tokens:
            return False
        return len(self._counting.encode(text, add_special_tokens=False)) > self._whole_tokens


def _splitters() -> Any:
    try:
        import semantic_text_splitter
    except ImportError as error:
        raise MissingExtraError("Chunker", "search") from error
    return semantic_text_splitter


def _plain(tokenizer: Tokenizer) -> Tokenizer:
    """Return a copy that counts every token: with truncation on, nothing would be too long."""
    copy = Tokenizer.from_str(tokenizer.to_str())
    copy.no_truncation()
    copy.no_padding()
    return copy
