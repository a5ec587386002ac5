"""What a block should take on a quiet machine, estimated from its texts before tokenization."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

from secondpass.cost.line import Cost
from secondpass.scoring.reading import read_at_first

# What looking a text up in a score cache takes, in memory or in a folder (docs/results/caching.md).
_KNOWN_MS = 0.01


@dataclass(frozen=True, slots=True)
class TextCost:
    """What texts cost before they are tokenized: the line, and how bytes become tokens.

    `byte_ms` is what tokenizing a byte takes. Tokens are estimated from UTF-8 bytes, which a
    tokenizer of any script turns into tokens more evenly than characters. Token milliseconds are
    those with all `streams` of the engine at work.
    """

    line: Cost
    byte_ms: float
    tokens_per_byte: float
    max_length: int
    streams: int
    stride: int | None = None
    select_tokens: int | None = None

    def text_ms(self, text: str, query_tokens: float) -> float:
        """Return what one text adds: what is read of it is tokenized, `max_length` of it scored,
        or, with a `stride`, all that is read in windows, with `select_tokens` that many tokens.
        """
        begun = self.stride is None and self.select_tokens is None
        size = _bytes(text[: read_at_first(self.max_length if begun else None)])
        tokens = self.tokens_per_byte * size
        if self.select_tokens is not None:
            tokens = min(tokens, self.select_tokens)
        beyond = query_tokens + tokens - self.max_length
        if beyond <= 0:
            return self.byte_ms * size + self.line.each_ms(self.max_length + beyond)
        windows = 1 if self.stride is None else 1 + math.ceil(beyond / self.stride)
        return self.byte_ms * size + windows * self.line.each_ms(self.max_length)

    def query_tokens(self, query: str) -> float:
        """Return about how many tokens a query adds to each text."""
        return self.tokens_per_byte * _bytes(query[: read_at_first(self.max_length)])

    def together_ms(self, texts_ms: Iterable[float]) -> float:
        """Return what texts take as one block; one stream alone scores the longest."""
        each = list(texts_ms)
        return self._joined(sum(each), max(each, default=0.0))

    def fitting(
        self,
        query: str,
        texts: Sequence[str],
        start: int,
        most: int,
        limit_ms: float,
        known: Container[int] = frozenset(),
    ) -> tuple[int, float]:
        """Return where the longest block from `start` ends that takes `limit_ms`, and its ms.

        It has at most `most` texts, and none where not even one fits. The texts at the positions
        `known` are not scored: a score cache has their scores.
        """
        query_tokens = self.query_tokens(query)
        total = longest = within = 0.0
        stop = start
        for at in range(start, min(start + most, len(texts))):
            if at in known:
                total += _KNOWN_MS
            else:
                one = self.text_ms(texts[at], query_tokens)
                total, longest = total + one, max(longest, one)
            if self._joined(total, longest) > limit_ms:
                break
            stop, within = stop + 1, self._joined(total, longest)
        return stop, within

    def _joined(self, total_ms: float, longest_ms: float) -> float:
        begins_ms = self.line.call_ms if longest_ms else 0.0
        return begins_ms + max(total_ms, self.streams * longest_ms)


def _bytes(text: str) -> int:
    """Return the length in UTF-8, which for ASCII is known without encoding."""
    return len(text) if text.isascii() else len(text.encode())
