"""Loads a tokenizer.json, and refuses one that multiplies text or fails on ordinary text.

Every text that is scored goes through it, so what it makes of a text has to be bounded by the text.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secondpass.checks import shortened
from secondpass.errors import ModelFileError, UnsupportedModelError
from secondpass.models.boundary import at_the_boundary
from secondpass.models.files import require_file
from secondpass.models.special_tokens import special_tokens_are_text
from secondpass.models.tokenizer_settings import require_right_side

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TOKENIZER = "tokenizer.json"
# More than any tokenizer's: a vocabulary of a million entries takes about 60 MiB.
MOST_TOKENIZER_BYTES = 256 * 1024**2
# Characters that a tokenizer may make of one: SentencePiece's own rules make 18, and a blank each.
MOST_GROWTH = 256
# WordPiece looks every part of a word up, so that a word takes the square of its length.
MOST_WORD_CHARACTERS = 1000
# More than any token's. tokenizers keeps a piece as a trie of as many levels, one call within the
# other: of a million characters it ends the process.
MOST_TEXT_CHARACTERS = 1000
_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)")
# What every tokenizer has to take: known and unknown characters, nothing, blanks, a long word.
_TRIALS = ("a", "", " \t\n ", "Ab1, b\u00e9\u4e2d\U0001f642\u0001\ue000\ufffd(x)'s", "a" * 300)


@at_the_boundary
def load_tokenizer(file: Path, *, free_sides: Set[str] = frozenset()) -> Tokenizer:
    """Load a tokenizer.json; its own truncation and padding are switched off, ours are explicit.

    `free_sides` are those of `SIDES` that are decided elsewhere: tokenizer.json may have any.

    Raises:
        ModelFileError: it cannot be read, has no tokens, or fails on a text.
        UnsupportedModelError: a rule of it multiplies text, or draws tokens at random, or it pads
            or cuts on the left.
    """
    from tokenizers import Tokenizer

    require_file(file, most_bytes=MOST_TOKENIZER_BYTES)
    require_short_texts(file)
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # tokenizers raises bare Exception for any broken file
        raise ModelFileError(
            f"{file} is not a tokenizer.json that can be read: {shortened(str(error), 200)}"
        ) from None
    for key, part in (("padding", tokenizer.padding), ("truncation", tokenizer.truncation)):
        if part is not None and f"{key}_side" not in free_sides:
            require_right_side(file, f"{key}.direction", part["direction"], means=f"{key}_side")
    tokenizer.no_truncation()
    tokenizer.no_padding()
    if not tokenizer.get_vocab_size():
        raise ModelFileError(f"{file} has an empty vocabulary")
    _require_bounded(tokenizer, file)
    special_tokens_are_text(tokenizer)
    try_texts(tokenizer, file)
    return tokenizer


def try_texts(tokenizer: Tokenizer, file: Path) -> None:
    """Encode some texts; call it within the boundary, whatever the tokenizer raises.

    Raises:
        UnsupportedModelError: the tokenizer does not lay each text of a pair out once.
    """
    for text in _TRIALS:
        tokens = len(tokenizer.encode(text, add_special_tokens=False))
        owners = tokenizer.encode(text, text).sequence_ids
        if not owners.count(0) == owners.count(1) == tokens:
            raise UnsupportedModelError(
                f"{file}: its template for pairs does not hold each text once: {tokens} tokens "
                f"become {owners.count(0)} and {owners.count(1)}"
            )


def require_short_texts(file: Path, *, called: Path | None = None) -> None:
    """Raise where a text of a JSON file is longer than a token; it is not parsed for that.

    `called` is the file that the error names in place of this one.

    Raises:
        UnsupportedModelError: one is, other than SentencePiece's map of characters.
    """
    # Between the quotes that no backslash stands before, texts and what is between them take turns.
    plain = file.read_bytes().replace(rb"\\", b"_").replace(rb"\"", b"_").split(b'"')
    for at, text in enumerate(plain[1::2]):
        if len(text) <= MOST_TEXT_CHARACTERS:
            continue
        is_map = plain[2 * at].strip() == b":" and plain[2 * at - 1] == b"precompiled_charsmap"
        characters = len(_ESCAPE.sub("_", text.decode(errors="replace")))
        if characters > MOST_TEXT_CHARACTERS and not is_map:
            begun = text[:MOST_TEXT_CHARACTERS].decode(errors="replace")
            raise UnsupportedModelError(
                f"{called or file} has a token or rule of {characters:,} characters, "
                f"{shortened(begun)}, expected at most {MOST_TEXT_CHARACTERS:,}"
            )


def _require_bounded(tokenizer: Tokenizer, file: Path) -> None:
    growth = 1.0
    for rule in _rules(_state(tokenizer.normalizer), _state(tokenizer.pre_tokenizer)):
        growth *= _growth(rule)
        if growth > MOST_GROWTH:
            raise UnsupportedModelError(
                f"{file}: its rules make more than {MOST_GROWTH} characters of one, the last of "
                f"them {shortened(rule)}; save the tokenizer without it"
            )
    model = tokenizer.model
    longest = getattr(model, "max_input_chars_per_word", 0)
    if longest > MOST_WORD_CHARACTERS:
        raise UnsupportedModelError(
            f"{file} has max_input_chars_per_word {longest}, expected at most "
            f"{MOST_WORD_CHARACTERS}"
        )
    if getattr(model, "dropout", None):
        raise UnsupportedModelError(
            f"{file} has dropout {model.dropout}, which draws tokens at random: set it to null"
        )


def _state(part: Any) -> Any:
    """Return a normalizer or pre-tokenizer as tokenizer.json has it, None for none."""
    return None if part is None else json.loads(part.__getstate__())


def _rules(*waiting: Any) -> Iterator[dict[str, Any]]:
    """Yield the rules that text goes through, in order, those of a sequence one by one."""
    for part in waiting:
        if isinstance(part, dict):
            members = part.get("normalizers") or part.get("pretokenizers")
            yield from _rules(*members) if members else [part]


def _growth(rule: dict[str, Any]) -> float:
    """Return how many characters a rule may make of one, 1 for a rule that adds none."""
    match rule:
        case {"type": "Replace", "pattern": {"String": str(pattern)}, "content": str(content)}:
            return max(1.0, len(content) / len(pattern)) if pattern else 1.0 + len(content)
        case {"type": "Replace", "content": str(content)}:
            # A regular expression that matches nothing inserts before every character.
            return 1.0 if len(content) <= 1 else 1.0 + len(content)
        case {"type": "Prepend", "prepend": str(content)}:
            return float(max(1, len(content)))
        case {"type": "Precompiled", "precompiled_charsmap": str(encoded)}:
            return float(_longest_replacement(encoded))
        case {"type": "ByteLevel"}:
            return 2.0  # a character for every byte
        case {"type": "Metaspace"}:
            return 2.0  # a blank before every word
    return 1.0


def _longest_replacement(encoded: str) -> int:
    """Return the most characters that SentencePiece's map of characters puts in place of one.

    The map is the size of a trie in bytes, little-endian, the trie, and texts that end in NUL.
    """
    try:
        charsmap = base64.b64decode(encoded)
    except binascii.Error:
        return 1
    trie = 4 + int.from_bytes(charsmap[:4], "little")
    return max(1, *(len(text.decode(errors="replace")) for text in charsmap[trie:].split(b"\0")))
