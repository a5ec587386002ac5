"""Text to token ids, once per text, without special tokens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from secondpass.errors import ModelFileError
from secondpass.settings import available_processors

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

TokenIds = NDArray[np.int32]


def load_tokenizer(file: Path) -> Tokenizer:
    """Load a tokenizer.json; its own truncation and padding are switched off, ours are explicit."""
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # tokenizers raises bare Exception for any broken file
        raise ModelFileError(f"{file} is not a tokenizer.json that can be read: {error}") from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


class TextEncoder:
    """Encodes texts with at most `threads` threads."""

    def __init__(self, tokenizer: Tokenizer, threads: int) -> None:
        self._tokenizer = tokenizer
        # The tokenizer's own pool always takes every processor, so it is used only if we may too.
        self._parallel = threads > 1 and threads >= available_processors()

    def encode(self, texts: Sequence[str]) -> list[TokenIds]:
        """Return one array of token ids for each text, in order."""
        return [np.asarray(encoding.ids, dtype=np.int32) for encoding in self._encodings(texts)]

    def _encodings(self, texts: Sequence[str]) -> list[Encoding]:
        if self._parallel and len(texts) > 1:
            return self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [self._tokenizer.encode(text, add_special_tokens=False) for text in texts]
