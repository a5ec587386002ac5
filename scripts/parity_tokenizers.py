"""Small tokenizers for the tiny models: word pieces, byte pairs, sentence pieces and a chat's."""

from __future__ import annotations

import inspect
import json
import textwrap
from functools import cache
from typing import Any

import tokenizers
from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedTokenizerFast, Qwen2Tokenizer

VOCABULARY = 600
BERT_SPECIAL = ("[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]")
ROBERTA_SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
END, START, STOP = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
# Tokens that score, and some that are added to the vocabulary and are no special tokens.
SCORING = ("yes", "no", "Yes", "0", "1")
THINK = ("<think>", "</think>")


def corpus() -> list[str]:
    """Return prose that every Python has: the docstrings of a few modules."""
    modules = (textwrap, inspect, tokenizers)
    texts = [inspect.getdoc(value) or "" for one in modules for value in vars(one).values()]
    words = "date time lock file row key zone task path sort csv read column name wait thread event"
    return [*texts, words, words.title()]


def wrapped(tokenizer: Tokenizer, special: tuple[str, ...], inputs: list[str]) -> Any:
    """Return a transformers tokenizer that AutoTokenizer can load again."""
    start, padding, end, unknown, mask = special
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=start,
        cls_token=start,
        pad_token=padding,
        eos_token=end,
        sep_token=end,
        unk_token=unknown,
        mask_token=mask,
        model_input_names=inputs,
        model_max_length=64,
    )


def pair_template(tokenizer: Tokenizer, special: tuple[str, ...], *, kind: str) -> Any:
    """Return the post-processor: BERT's "[CLS] a [SEP] b [SEP]" or RoBERTa's doubled separator."""
    start, _, end, _, _ = special
    pair, single = {
        "bert": (f"{start}:0 $A:0 {end}:0 $B:1 {end}:1", f"{start}:0 $A:0 {end}:0"),
        "roberta": (f"{start}:0 $A:0 {end}:0 {end}:0 $B:0 {end}:0", f"{start}:0 $A:0 {end}:0"),
    }[kind]
    tokens = [(token, tokenizer.token_to_id(token)) for token in (start, end)]
    return processors.TemplateProcessing(single=single, pair=pair, special_tokens=tokens)


@cache
def word_pieces(*, token_types: bool = True) -> Any:
    """BERT's: lower-cased word pieces."""
    tokenizer = Tokenizer(tokenizers.models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[BERT_SPECIAL[1], *BERT_SPECIAL[:1], *BERT_SPECIAL[2:]],
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    tokenizer.post_processor = pair_template(tokenizer, BERT_SPECIAL, kind="bert")
    inputs = ["input_ids", "token_type_ids", "attention_mask"]
    return wrapped(tokenizer, BERT_SPECIAL, inputs if token_types else inputs[::2])


@cache
def byte_pairs(special: tuple[str, ...] = ROBERTA_SPECIAL) -> Any:
    """RoBERTa's, and with BERT's special tokens ModernBERT's: byte-level pairs."""
    tokenizer = Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    kind = "roberta" if special == ROBERTA_SPECIAL else "bert"
    tokenizer.post_processor = pair_template(tokenizer, special, kind=kind)
    return wrapped(tokenizer, special, ["input_ids", "attention_mask"])


@cache
def sentence_pieces() -> Any:
    """XLM-R's: a unigram model on text with marked spaces."""
    tokenizer = Tokenizer(tokenizers.models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=VOCABULARY, special_tokens=list(ROBERTA_SPECIAL), unk_token="<unk>"
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    tokenizer.post_processor = pair_template(tokenizer, ROBERTA_SPECIAL, kind="roberta")
    return wrapped(tokenizer, ROBERTA_SPECIAL, ["input_ids", "attention_mask"])


@cache
def chat_tokens() -> Any:
    """Return byte-level pairs with Qwen's rules and special tokens."""
    empty = Qwen2Tokenizer(vocab={END: 0}, merges=[])._tokenizer
    trained = Tokenizer(tokenizers.models.BPE())
    trained.normalizer = empty.normalizer
    trained.pre_tokenizer = empty.pre_tokenizer
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    texts = [*corpus(), " ".join(SCORING * 50), *SCORING * 50]
    trained.train_from_iterator(texts, trainer)
    state = json.loads(trained.to_str())["model"]
    vocabulary = dict(state["vocab"])
    for word in SCORING:
        vocabulary.setdefault(word, len(vocabulary))
    merges = [tuple(merge) for merge in state["merges"]]
    tokens = Qwen2Tokenizer(vocab=vocabulary, merges=merges, eos_token=STOP, pad_token=END)
    tokens.add_tokens([AddedToken(token, special=True) for token in (START, STOP)])
    tokens.add_tokens([AddedToken(token, special=False) for token in THINK])
    tokens.model_max_length = 128
    return tokens
