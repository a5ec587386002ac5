"""Where the sentences of a text begin, in any language and without being told which."""

from __future__ import annotations

import re

# Ends a sentence with white space after it: full stops of scripts that put spaces between words.
_STOPS = ".!?…؟۔।॥։።។။"
# Ends one whatever follows.
_WIDE_STOPS = "。！？｡"
_CLOSING = r"\"'”’»)\]」』）"
# Possessive, and never begun amid a run of stops: linear, whatever the text.
_END = re.compile(
    rf"(?<![{_STOPS}])[{_STOPS}]++[{_CLOSING}]*+\s++"
    rf"|[{_WIDE_STOPS}]++[{_WIDE_STOPS}{_CLOSING}]*+\s*+"
    r"|\n\s*\n"
)


def sentence_starts(text: str) -> list[int]:
    """Return where sentences begin, in characters: 0, and after each end but the text's own.

    A sentence ends after a full stop, with the white space that follows it, or with a blank line. A
    full stop before a lower-case word ends nothing ("e.g. this"), unless a space stands before it,
    too: some collections are written so, in lower case throughout.

    >>> sentence_starts("One. Two, e.g. this! three . four")
    [0, 5, 29]
    """
    starts = [0]
    for end in _END.finditer(text):
        following = text[end.end() : end.end() + 1]
        spaced = end.start() > 0 and text[end.start() - 1].isspace()
        if following and (spaced or not following.islower() or "\n" in end[0]):
            starts.append(end.end())
    return starts
