"""A model's tokenizer: tokenizer.json, with what the files beside it say.

A special token within a text is text. What transformers makes anew from its settings
(models/tokenizer_settings.py) is made anew here by the same rules.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from secondpass.checks import shortened
from secondpass.errors import ModelFileError, UnsupportedModelError
from secondpass.models.boundary import at_the_boundary
from secondpass.models.spec import ModelSpec
from secondpass.models.special_tokens import special_tokens_are_text
from secondpass.models.tokenizer import load_tokenizer, try_texts
from secondpass.models.tokenizer_settings import CONFIG, Rules, TokenizerSettings
from secondpass.scoring.pairs import PairLayout, read_pair_layout

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@at_the_boundary
def model_tokenizer(spec: ModelSpec) -> Tokenizer:
    """Return a model's tokenizer as the folder describes it.

    Raises:
        ModelFileError: tokenizer.json cannot be read, or the files do not belong together.
        UnsupportedModelError: a setting is not followed here.
    """
    from tokenizers import normalizers

    settings = spec.tokenizer
    # Torch pads on the side that the model says, and to a decoder's score it is nothing.
    padding = {"padding_side"} if spec.family is None or spec.decodes else set()
    tokenizer = load_tokenizer(spec.tokenizer_file, free_sides=settings.sides | padding)
    _require_model(tokenizer, settings, spec)
    _STAGES[settings.rules](tokenizer, settings, spec)
    if spec.transformer.lowercase and not _lowers(tokenizer.normalizer):
        before = [normalizers.Lowercase()]
        after = [] if tokenizer.normalizer is None else [tokenizer.normalizer]
        tokenizer.normalizer = normalizers.Sequence([*before, *after])
    _require_added(tokenizer, settings, spec)
    special_tokens_are_text(tokenizer)
    try_texts(tokenizer, spec.tokenizer_file)
    _require_small_ids(tokenizer, spec)
    return tokenizer


def pair_layout(tokenizer: Tokenizer, spec: ModelSpec) -> PairLayout:
    """Return how a model's pairs are laid out; without token types all are 0."""
    layout = read_pair_layout(tokenizer, spec.tokenizer_file)
    return layout if spec.tokenizer.token_types else layout.without_types()


def _bert(tokenizer: Tokenizer, settings: TokenizerSettings, spec: ModelSpec) -> None:
    from tokenizers import models, normalizers, pre_tokenizers

    special = _SpecialTokens(tokenizer, settings, spec)
    vocabulary = tokenizer.get_vocab(with_added_tokens=False)
    if not _is_usual_word_piece(tokenizer.model, special["unk"]):
        tokenizer.model = models.WordPiece(vocabulary, unk_token=special["unk"])
    tokenizer.normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=settings.chinese_characters,
        strip_accents=settings.strip_accents,
        lowercase=settings.lowercase,
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    _two_types(tokenizer, special)


def _deberta(tokenizer: Tokenizer, settings: TokenizerSettings, spec: ModelSpec) -> None:
    from tokenizers import Regex, normalizers, pre_tokenizers

    special = _SpecialTokens(tokenizer, settings, spec)
    tokenizer.normalizer = normalizers.Sequence(
        [
            *([normalizers.Lowercase()] if settings.lowercase else []),
            normalizers.Replace(Regex(r"\s{2,}|[\n\r\t]"), " "),
            normalizers.NFC(),
            normalizers.Strip(left=False, right=True),
        ]
    )
    scheme = "first" if settings.prefix_space is False else "always"
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            *(
                [pre_tokenizers.Punctuation(behavior="isolated")]
                if settings.split_by_punctuation
                else []
            ),
            pre_tokenizers.Metaspace(replacement="▁", prepend_scheme=scheme),
        ]
    )
    _two_types(tokenizer, special)


def _two_types(tokenizer: Tokenizer, special: _SpecialTokens) -> None:
    """Lay a pair out as BERT does."""
    from tokenizers import processors

    first, last = special["cls"], special["sep"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{first}:0 $A:0 {last}:0",
        pair=f"{first}:0 $A:0 {last}:0 $B:1 {last}:1",
        special_tokens=special.pairs("cls", "sep"),
    )


def _roberta(tokenizer: Tokenizer, settings: TokenizerSettings, spec: ModelSpec) -> None:
    from tokenizers import pre_tokenizers, processors

    special = _SpecialTokens(tokenizer, settings, spec)
    space = bool(settings.prefix_space)
    tokenizer.normalizer = None
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=space)
    sep, cls = special.pairs("sep", "cls")
    tokenizer.post_processor = processors.RobertaProcessing(sep, cls, True, space)


def _sentence_pieces(tokenizer: Tokenizer, settings: TokenizerSettings, spec: ModelSpec) -> None:
    from tokenizers import normalizers, pre_tokenizers, processors

    special = _SpecialTokens(tokenizer, settings, spec)
    characters = _precompiled(tokenizer.normalizer)
    tokenizer.normalizer = None if characters is None else normalizers.Precompiled(characters)
    scheme = "never" if settings.prefix_space is False else "always"
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Metaspace(replacement="▁", prepend_scheme=scheme),
        ]
    )
    first, last = special["bos"], special["eos"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=[first, "$A", last],
        pair=[first, "$A", last, last, "$B", last],
        special_tokens=special.pairs("bos", "eos"),
    )


# How Qwen splits a text into words.
_QWEN_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# What Qwen's byte pairs are without.
_NOT_QWEN = (
    *("unk_token", "continuing_subword_prefix", "end_of_word_suffix"),
    *("fuse_unk", "byte_fallback", "ignore_merges"),
)


def _qwen2(tokenizer: Tokenizer, settings: TokenizerSettings, spec: ModelSpec) -> None:
    from tokenizers import Regex, normalizers, pre_tokenizers

    model = tokenizer.model
    for name in _NOT_QWEN:
        if getattr(model, name):
            raise UnsupportedModelError(
                f"{spec.tokenizer_file} has {name} {shortened(getattr(model, name))}, which Qwen's "
                "tokenizer class has not: its tokens would be others"
            )
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_QWEN_WORDS), behavior="isolated", invert=False),
            pre_tokenizers.ByteLevel(add_prefix_space=bool(settings.prefix_space), use_regex=False),
        ]
    )


def _as_it_is(tokenizer: Tokenizer, settings: TokenizerSettings, spec: ModelSpec) -> None:
    """Leave a tokenizer as tokenizer.json has it."""


_STAGES: Mapping[Rules, Callable[[Tokenizer, TokenizerSettings, ModelSpec], None]] = {
    "bert": _bert,
    "roberta": _roberta,
    "xlm-roberta": _sentence_pieces,
    "camembert": _sentence_pieces,
    "deberta-v2": _deberta,
    "qwen2": _qwen2,
    "file": _as_it_is,
}
_MODELS: Mapping[Rules, str] = {
    **dict.fromkeys(("roberta", "qwen2"), "BPE"),
    **dict.fromkeys(("xlm-roberta", "camembert", "deberta-v2"), "Unigram"),
}

_LARGEST_ID = 2**31 - 1


class _SpecialTokens:
    """The special tokens by name, all of them in the vocabulary."""

    def __init__(self, tokenizer: Tokenizer, settings: TokenizerSettings, spec: ModelSpec) -> None:
        self._tokenizer = tokenizer
        self._contents = settings.special or {}
        self._file = spec.folder / CONFIG

    def __getitem__(self, name: str) -> str:
        """Return a token's text."""
        content = self._contents[name]
        if self._tokenizer.token_to_id(content) is None:
            raise ModelFileError(
                f"{self._file} has {name}_token {shortened(content)}, which the vocabulary of "
                "tokenizer.json does not hold: the files do not belong together"
            )
        return content

    def pairs(self, *names: str) -> list[tuple[str, int]]:
        """Return tokens with their ids."""
        return [(self[name], self._tokenizer.token_to_id(self[name]) or 0) for name in names]


def _require_model(tokenizer: Tokenizer, settings: TokenizerSettings, spec: ModelSpec) -> None:
    kind = type(tokenizer.model).__name__
    expected = _MODELS.get(settings.rules, kind)
    if kind != expected:
        raise UnsupportedModelError(
            f"{spec.tokenizer_file} holds a {kind} vocabulary, but the tokenizer's class needs "
            f"{expected}: set tokenizer_class to PreTrainedTokenizerFast in {CONFIG} if "
            "tokenizer.json alone is right"
        )


def _require_added(tokenizer: Tokenizer, settings: TokenizerSettings, spec: ModelSpec) -> None:
    for number, content in (settings.added or {}).items():
        if tokenizer.token_to_id(content) != number:
            raise ModelFileError(
                f"{spec.folder / CONFIG} gives the added token {shortened(content)} the id "
                f"{number}, tokenizer.json {tokenizer.token_to_id(content)}: the files do not "
                "belong together"
            )


def _require_small_ids(tokenizer: Tokenizer, spec: ModelSpec) -> None:
    """Raise where what stands around a text is beyond the 32 bits of an id."""
    made = [tokenizer.encode("a"), tokenizer.encode("a", "b")]
    for what, key, numbers in (
        ("token id", "vocab_size", [number for one in made for number in one.ids]),
        ("token type", "type_vocab_size", [number for one in made for number in one.type_ids]),
    ):
        if max(numbers, default=0) > _LARGEST_ID:
            raise ModelFileError(
                f"{spec.tokenizer_file}: the {what} {max(numbers)} of its template is beyond the "
                f"{spec.config.get(key) or _LARGEST_ID} rows of the model: take both files from "
                "the same place"
            )


def _is_usual_word_piece(model: Any, unknown: str) -> bool:
    from tokenizers import models

    return (
        isinstance(model, models.WordPiece)
        and model.unk_token == unknown
        and model.continuing_subword_prefix == "##"
        and model.max_input_chars_per_word == 100
    )


def _lowers(normalizer: Any) -> bool:
    """Tell whether a normalizer lowers all letters, as sentence-transformers looks for it."""
    stages = _stages(normalizer)
    return any(stage.get("type") == "Lowercase" for stage in stages)


def _precompiled(normalizer: Any) -> bytes | None:
    """Return the table of characters that SentencePiece made, None without one."""
    for stage in _stages(normalizer):
        if stage.get("type") == "Precompiled":
            return base64.b64decode(stage["precompiled_charsmap"])
    return None


def _stages(normalizer: Any) -> list[dict[str, Any]]:
    """Return the stages of a normalizer as tokenizer.json has them."""
    if normalizer is None:
        return []
    state = json.loads(normalizer.__getstate__())
    return list(state["normalizers"]) if state["type"] == "Sequence" else [state]
