"""How much of one text is read: the bound on the time and the memory that a single text takes.

At most `READ_CHARACTERS` of a text are tokenized. Where only its first tokens are wanted, a
beginning is tokenized that has these tokens whatever follows. What is not read counts as cut.
Of a long text the blanks at its start are passed over where the tokenizer drops them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

# Of prose some 220,000 tokens, which take 200 MB while they are encodings.
READ_CHARACTERS = 2**20
# Where few tokens are wanted, so many are read first: 512 tokens of prose are 2,500 characters.
FIRST_CHARACTERS = 50_000
# The end of a beginning may be cut within a word, or within a run that the vocabulary has pieces
# for, and so have other tokens than the whole text has there; not so far before its end.
UNSURE_TOKENS = 1024

_NOT_BLANK = re.compile(r"\S")
# What text is indented and parted with; each is probed with words of several kinds.
_BLANKS = " \t\n\r\x0b\x0c\x85\xa0\u2002\u2003\u2009\u3000"
_PROBES = ("a", "the file", "1", ".", "é", "茶")


def read_at_first(wanted: int | None) -> int:
    """Return how many characters are read first where `wanted` tokens are wanted, None for all."""
    return READ_CHARACTERS if wanted is None else min(FIRST_CHARACTERS, READ_CHARACTERS)


def is_enough(tokens: int, wanted: int | None) -> bool:
    """Tell whether the first of `tokens` tokens of a beginning surely are the `wanted` ones."""
    return wanted is not None and tokens >= wanted + UNSURE_TOKENS


def dropped_blanks(ids: Callable[[str], Sequence[int]]) -> str:
    """Return the blanks that a tokenizer drops before a text, however many; `ids` is its encode."""
    runs = [blank * times for blank in _BLANKS for times in (1, 2, 7)]
    runs += [" " + run for run in runs]
    tokens = {word: list(ids(word)) for word in _PROBES}
    kept = {
        blank
        for run in runs
        if len(ids(run)) or any(list(ids(run + word)) != tokens[word] for word in _PROBES)
        for blank in run.lstrip(" ") or " "
    }
    return "" if " " in kept else "".join(blank for blank in _BLANKS if blank not in kept)


def leading(text: str, blanks: str) -> int:
    """Return how many blanks before a text need no reading: all but the one before its word."""
    found = re.compile(f"[^{re.escape(blanks)}]").search(text) if blanks else None
    end = len(text) if blanks and found is None else found.start() if found else 0
    return max(0, end - 1)


def unread_tokens(text: str, read: int) -> int:
    """Return the fewest tokens that a text has behind its first `read` characters: 0 or 1.

    How many there are is not known without reading them; blanks have none.
    """
    return int(len(text) > read and _NOT_BLANK.search(text, read) is not None)
