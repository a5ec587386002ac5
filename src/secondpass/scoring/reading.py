"""How much of one text is read: the bound on the time and the memory that a single text takes.

At most `READ_CHARACTERS` of a text are tokenized. Where only its first tokens are wanted, a
beginning is tokenized that has these tokens whatever follows. What is not read counts as cut.
"""

from __future__ import annotations

import re

# Of prose some 220,000 tokens, which take 200 MB while they are encodings.
READ_CHARACTERS = 2**20
# Where few tokens are wanted, so many are read first: 512 tokens of prose are 2,500 characters.
FIRST_CHARACTERS = 50_000
# The end of a beginning may be cut within a word, or within a run that the vocabulary has pieces
# for, and so have other tokens than the whole text has there; not so far before its end.
UNSURE_TOKENS = 1024

_NOT_BLANK = re.compile(r"\S")


def read_at_first(wanted: int | None) -> int:
    """Return how many characters are read first where `wanted` tokens are wanted, None for all."""
    return READ_CHARACTERS if wanted is None else min(FIRST_CHARACTERS, READ_CHARACTERS)


def is_enough(tokens: int, wanted: int | None) -> bool:
    """Tell whether the first of `tokens` tokens of a beginning surely are the `wanted` ones."""
    return wanted is not None and tokens >= wanted + UNSURE_TOKENS


def unread_tokens(text: str, read: int) -> int:
    """Return the fewest tokens that a text has behind its first `read` characters: 0 or 1.

    How many there are is not known without reading them; blanks have none.
    """
    return int(len(text) > read and _NOT_BLANK.search(text, read) is not None)
