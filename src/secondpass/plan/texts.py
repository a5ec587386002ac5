"""Texts of a given number of tokens, for any tokenizer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from secondpass.graph.quantize import calibration_rows

if TYPE_CHECKING:
    from tokenizers import Tokenizer

QUERY = "read a csv file whose first row names the columns"


def text_maker(tokenizer: Tokenizer) -> Callable[[int, int], str]:
    """Return make(tokens, number): a real text of that many tokens; numbers give different ones."""
    whole = "\n".join(row["text"] for row in calibration_rows()[:80])
    ends = [end for _, end in tokenizer.encode(whole, add_special_tokens=False).offsets]

    def make(tokens: int, number: int) -> str:
        first = (number * 97) % (len(ends) - tokens - 1)
        return whole[ends[first] : ends[first + tokens]]

    return make
