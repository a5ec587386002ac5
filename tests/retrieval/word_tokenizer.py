"""A tokenizer for tests: every word and every run of punctuation is one token."""

from __future__ import annotations

from tokenizers import Tokenizer, models, pre_tokenizers, processors


def word_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2}, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    return tokenizer


def count_tokens(text: str) -> int:
    return len(word_tokenizer().encode(text, add_special_tokens=False).ids)
