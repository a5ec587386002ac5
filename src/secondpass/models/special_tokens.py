"""A special token within a text is text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# What no text contains: normalizers drop the control character, and words have no blank.
_UNREACHABLE = " \0 "


def special_tokens_are_text(tokenizer: Tokenizer) -> None:
    """Make a special token that a text contains be read as the characters that it is.

    Some vocabularies hold the special tokens as words or pieces too: there they get a name that no
    text contains.
    """
    tokenizer.encode_special_tokens = True
    unknown = getattr(tokenizer.model, "unk_token", None)
    special = {
        token.content: number
        for number, token in tokenizer.get_added_tokens_decoder().items()
        if token.special and token.content != unknown
    }
    reachable = {
        content
        for content, number in special.items()
        if number in tokenizer.encode(content, add_special_tokens=False).ids
    }
    if reachable:
        _rename(tokenizer, reachable)


def _rename(tokenizer: Tokenizer, contents: set[str]) -> None:
    from tokenizers import models

    model = tokenizer.model
    if isinstance(model, models.Unigram):
        state = json.loads(model.__getstate__())
        pieces = [
            (_UNREACHABLE + piece if piece in contents and at != state["unk_id"] else piece, score)
            for at, (piece, score) in enumerate(state["vocab"])
        ]
        tokenizer.model = models.Unigram(pieces, state["unk_id"], state.get("byte_fallback", False))
        return
    vocabulary = {
        _UNREACHABLE + word if word in contents else word: number
        for word, number in tokenizer.get_vocab(with_added_tokens=False).items()
    }
    if isinstance(model, models.WordPiece):
        tokenizer.model = models.WordPiece(
            vocabulary,
            unk_token=model.unk_token,
            max_input_chars_per_word=model.max_input_chars_per_word,
            continuing_subword_prefix=model.continuing_subword_prefix,
        )
    elif isinstance(model, models.WordLevel):
        tokenizer.model = models.WordLevel(vocabulary, unk_token=model.unk_token)
