"""Text as PostgreSQL can hold it: any but the character NUL.

NUL becomes U+0001 U+0001, and U+0001 becomes U+0001 U+0002. All other text is as it is, and the
order of code points stays.
"""

from __future__ import annotations

import re

_PAIR = re.compile("\1([\1\2])")


def to_server(text: str) -> str:
    """Return a text without NUL."""
    if "\0" not in text and "\1" not in text:
        return text
    return text.replace("\1", "\1\2").replace("\0", "\1\1")


def from_server(text: str) -> str:
    """Undo `to_server`."""
    if "\1" not in text:
        return text
    return _PAIR.sub(lambda pair: "\0" if pair[1] == "\1" else "\1", text)
