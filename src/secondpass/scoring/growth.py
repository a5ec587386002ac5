"""How much longer a tokenizer's own rules make a text; beyond a limit it is refused.

What a normalizer puts in place of a character is the file's to say. A few rules that each double a
text make a short one fill the memory, and a bound on the characters of a text would not help.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secondpass.errors import ModelFileError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Unicode's own forms make at most 18 characters of one; saved tokenizers replace one by one.
_MOST_GROWTH = 64
# WordPiece reads a word of n characters in up to n * n steps; saved tokenizers have 100.
_MOST_WORD = 1000


def check_growth(tokenizer: Tokenizer, file: Path) -> None:
    """Raise for a tokenizer that makes a text much longer, or reads a long word for hours.

    Raises:
        ModelFileError: the message names the file, the rule and the limit.
    """
    stages = (tokenizer.normalizer, tokenizer.pre_tokenizer, tokenizer.model)
    normalizer, pre_tokenizer, model = (
        None if stage is None else json.loads(stage.__getstate__()) for stage in stages
    )
    for name, stage in (("normalizer", normalizer), ("pre_tokenizer", pre_tokenizer)):
        growth = _growth(stage)
        if growth > _MOST_GROWTH:
            raise ModelFileError(
                f"{file}: its {name} makes up to {growth:.3g} characters of one, expected at most "
                f"{_MOST_GROWTH}: such a tokenizer would fill the memory with a short text"
            )
    longest = (model or {}).get("max_input_chars_per_word", 0)
    if longest > _MOST_WORD:
        raise ModelFileError(
            f"{file}: max_input_chars_per_word is {longest:.3g}, expected at most {_MOST_WORD}"
        )


def _growth(stage: Any) -> float:
    """Return the most characters that a stage makes of one."""
    if not isinstance(stage, Mapping):
        return 1.0
    parts = [part for key in ("normalizers", "pretokenizers") for part in stage.get(key) or ()]
    together = 1.0
    for part in parts:
        together *= _growth(part)
    return together * _own_growth(stage)


def _own_growth(stage: Mapping[str, Any]) -> float:
    match stage.get("type"):
        case "Replace":
            # A regular expression may match a single character, or none.
            literal = stage.get("pattern", {}).get("String") or "?"
            return max(1.0, len(stage.get("content", "")) / len(literal))
        case "Prepend":
            return max(1.0, float(len(stage.get("prepend", ""))))
        case "Precompiled":
            return _longest_replacement(stage.get("precompiled_charsmap") or "")
    return 1.0


def _longest_replacement(charsmap: str) -> float:
    """Return the length of SentencePiece's longest replacement, in bytes of UTF-8 over three.

    The map is a trie, its size before it, and then the replacements, each ended by a zero.
    """
    data = b64decode(charsmap)
    replacements = data[4 + int.from_bytes(data[:4], "little") :].split(b"\0")
    return max(1.0, max(map(len, replacements)) / 3)
