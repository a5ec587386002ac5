"""What the files beside tokenizer.json say of a tokenizer, as transformers 5 reads them.

transformers makes a tokenizer by its class: some classes take the vocabulary alone from
tokenizer.json and make normalizer, word splitting and the layout of a pair anew, from
tokenizer_config.json and special_tokens_map.json. Each key that can change a token id, a token type
or which tokens are read is followed, or refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from secondpass.checks import is_integer, shortened
from secondpass.errors import ModelFileError, UnsupportedModelError
from secondpass.models.config import typed
from secondpass.models.files import read_json_if_there

CONFIG = "tokenizer_config.json"
SPECIAL_TOKENS = "special_tokens_map.json"
ADDED_TOKENS = "added_tokens.json"
CHAT_TEMPLATE = "chat_template.jinja"
CHAT_TEMPLATES = "additional_chat_templates"
FILES = (CONFIG, SPECIAL_TOKENS, ADDED_TOKENS, CHAT_TEMPLATE)

# By whose rules the stages of a tokenizer are made; "file" stands for those of tokenizer.json.
Rules = Literal["bert", "roberta", "xlm-roberta", "camembert", "deberta-v2", "qwen2", "file"]

# transformers' own names of one class, without "Fast".
_RULES: Mapping[str, Rules] = {
    **dict.fromkeys(
        ("BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer", "MobileBertTokenizer"), "bert"
    ),
    **dict.fromkeys(("LayoutLMTokenizer", "SqueezeBertTokenizer"), "bert"),
    **dict.fromkeys(("RobertaTokenizer", "LongformerTokenizer", "BartTokenizer"), "roberta"),
    "XLMRobertaTokenizer": "xlm-roberta",
    "CamembertTokenizer": "camembert",
    "DebertaV2Tokenizer": "deberta-v2",
    "Qwen2Tokenizer": "qwen2",
    **dict.fromkeys(("PreTrainedTokenizer", "TokenizersBackend"), "file"),
}
# Of each `model_type`: the class where no file names one.
_CLASS_OF = {
    **dict.fromkeys(("bert", "distilbert", "electra"), "BertTokenizer"),
    "roberta": "RobertaTokenizer",
    "xlm-roberta": "XLMRobertaTokenizer",
    "camembert": "CamembertTokenizer",
    "deberta-v2": "DebertaV2Tokenizer",
    **dict.fromkeys(("qwen2", "qwen3"), "Qwen2Tokenizer"),
}
# Architectures whose tokenizer_class transformers does not believe, and the class it takes.
_ALWAYS = {"modernbert": "TokenizersBackend", "qwen2": "Qwen2Tokenizer"}
_WITH_TYPES: tuple[Rules, ...] = ("bert", "deberta-v2")
_WITHOUT_TYPES = frozenset({"DistilBertTokenizer"})
# A limit above it stands for none; transformers writes 10**30.
_NO_LIMIT = 10**20

_SURROGATE = re.compile(r"[\ud800-\udfff]")
# Of each key of a side: what the left one does.
SIDES: Mapping[str, str] = {
    "padding_side": "the first token of a shorter text is then padding",
    "truncation_side": "the end of a text is then read in place of its beginning",
}

SpecialToken = str | dict[str, Any] | None


class _Keys(msgspec.Struct):
    """The keys of tokenizer_config.json that are read; of all others none changes a score."""

    tokenizer_class: str | None = None
    model_input_names: list[str] | None = None
    do_lower_case: bool | None = None
    split_by_punct: bool = False
    strip_accents: bool | None = None
    tokenize_chinese_chars: bool = True
    add_prefix_space: bool | None = None
    added_tokens_decoder: dict[str, dict[str, Any]] | None = None
    chat_template: str | list[Any] | dict[str, Any] | None = None
    fast_tokenizer_files: list[str] | None = None
    bos_token: SpecialToken = None
    eos_token: SpecialToken = None
    unk_token: SpecialToken = None
    sep_token: SpecialToken = None
    cls_token: SpecialToken = None


@dataclass(frozen=True, slots=True)
class TokenizerSettings:
    """How texts become token ids, beside tokenizer.json.

    Args:
        rules: whose stages it has.
        token_types: whether the model is fed token types; without, all are 0.
        max_length: the most tokens that the model was saved with, None for no limit.
        lowercase, split_by_punctuation, strip_accents, chinese_characters: how a text is changed
            and split before its words are looked up, where the rules have it.
        prefix_space: whether the first word is read as one behind a space.
        special: the special tokens by name: "bos", "eos", "unk", "sep", "cls".
        added: what is to be in tokenizer.json: content by token id, None where no file lists it.
        chat_template: where the template of a chat stands, None without one.
        sides: which of `SIDES` a file beside tokenizer.json says; tokenizer.json's own are not
            followed then.
    """

    rules: Rules = "file"
    token_types: bool = True
    max_length: int | None = None
    lowercase: bool = True
    split_by_punctuation: bool = False
    strip_accents: bool | None = None
    chinese_characters: bool = True
    prefix_space: bool | None = None
    special: Mapping[str, str] | None = None
    added: Mapping[int, str] | None = None
    chat_template: str | None = None
    sides: frozenset[str] = frozenset()


def read_tokenizer_settings(
    folder: Path, config: Mapping[str, Any], *, in_transformers: bool
) -> TokenizerSettings:
    """Read the settings of a folder whose config.json is given.

    An architecture that only this library knows has its tokenizer.json as it is.

    Raises:
        ModelFileError: a key is of another kind.
        UnsupportedModelError: a key has a value that is not followed; file, key and value named.
    """
    file = folder / CONFIG
    merged, files = _merged(folder)
    values = {key: value for key, value in merged.items() if value is not None}
    keys = typed(values, _Keys, file)
    _require_one_tokenizer(keys, file)
    name = _class_name(keys, config, file) if in_transformers else "TokenizersBackend"
    rules = _RULES[name]
    return TokenizerSettings(
        rules=rules,
        token_types=not in_transformers or _feeds_types(keys, rules, name, file),
        max_length=_max_length(values, file),
        lowercase=rules == "bert" if keys.do_lower_case is None else keys.do_lower_case,
        split_by_punctuation=keys.split_by_punct,
        strip_accents=keys.strip_accents,
        chinese_characters=keys.tokenize_chinese_chars,
        prefix_space=keys.add_prefix_space,
        special=_special(keys, rules, files),
        added=_added(keys, folder),
        chat_template=_chat_template(keys, folder),
        sides=frozenset(SIDES) & values.keys(),
    )


def require_right_sides(folder: Path, *, padding: bool = True) -> None:
    """Raise where padding or cutting is on the left: a score would depend on its company.

    Without `padding` only the side of cutting is looked at.

    Raises:
        UnsupportedModelError: one is; the message names file, key and value.
    """
    values, files = _merged(folder)
    for key in SIDES:
        if key in values and (padding or key != "padding_side"):
            require_right_side(files[key], key, values[key], means=key)


def require_right_side(file: Path, key: str, value: Any, *, means: str) -> None:
    """Raise unless a side is the right one, or none; `means` is which of `SIDES` it is.

    Raises:
        UnsupportedModelError: it is another; the message names file, key and value.
    """
    if value is not None and str(value).lower() != "right":
        raise UnsupportedModelError(
            f"{file} has {key} {shortened(value)}: {SIDES[means]}, and this is not done here; set "
            "it to 'right' if the model was trained so"
        )


def _merged(folder: Path) -> tuple[dict[str, Any], dict[str, Path]]:
    """Return the keys that transformers makes a tokenizer of, and which file each is from."""
    config = read_json_if_there(folder / CONFIG)
    special = (
        {} if "added_tokens_decoder" in config else read_json_if_there(folder / SPECIAL_TOKENS)
    )
    files = dict.fromkeys(config, folder / CONFIG) | dict.fromkeys(special, folder / SPECIAL_TOKENS)
    return {**config, **special}, files


def _require_one_tokenizer(keys: _Keys, file: Path) -> None:
    """Raise where transformers may read another file than tokenizer.json, by its own version."""
    if any(name != "tokenizer.json" for name in keys.fast_tokenizer_files or ()):
        raise UnsupportedModelError(
            f"{file} has fast_tokenizer_files {shortened(keys.fast_tokenizer_files)}, of which "
            "only 'tokenizer.json' is read here: keep the file that is meant under that name, "
            "without the key"
        )


def _class_name(keys: _Keys, config: Mapping[str, Any], file: Path) -> str:
    """Return the class that transformers takes, without "Fast"."""
    architecture = str(config.get("model_type"))
    if architecture in _ALWAYS:
        return _ALWAYS[architecture]
    said = keys.tokenizer_class or config.get("tokenizer_class") or _CLASS_OF.get(architecture)
    name = str(said).removesuffix("Fast") if said else "TokenizersBackend"
    if name not in _RULES:
        if architecture not in _CLASS_OF:  # torch runs it, and compares what both make of texts
            return "TokenizersBackend"
        raise UnsupportedModelError(
            f"{file} has tokenizer_class {shortened(said)}, which makes its tokenizer by rules of "
            f"its own; known are {', '.join(_RULES)}. Save it as a PreTrainedTokenizerFast if "
            "tokenizer.json alone is right"
        )
    return name


def _feeds_types(keys: _Keys, rules: Rules, name: str, file: Path) -> bool:
    """Tell whether token types are fed: they are if the class or the file lists them."""
    if keys.model_input_names is None:
        return rules in _WITH_TYPES and name not in _WITHOUT_TYPES
    names = keys.model_input_names
    if names[:1] != ["input_ids"] or "attention_mask" not in names:
        raise UnsupportedModelError(
            f"{file} has model_input_names {shortened(names)}: without 'input_ids' first and an "
            "'attention_mask' a score depends on the padding"
        )
    return "token_type_ids" in names


def _max_length(values: Mapping[str, Any], file: Path) -> int | None:
    value = values.get("model_max_length", values.get("max_len"))
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not is_integer(value):
        raise ModelFileError(
            f"{file} has model_max_length {shortened(value)}, expected an integer of at least 1"
        )
    return None if value > _NO_LIMIT else int(value)


def _special(keys: _Keys, rules: Rules, files: Mapping[str, Path]) -> dict[str, str]:
    defaults = (
        {"unk": "[UNK]", "sep": "[SEP]", "cls": "[CLS]"}
        if rules in _WITH_TYPES
        else {"bos": "<s>", "eos": "</s>", "unk": "<unk>", "sep": "</s>", "cls": "<s>"}
    )
    given = {name: getattr(keys, f"{name}_token") for name in ("bos", "eos", "unk", "sep", "cls")}
    contents = {
        name: _content(value, f"{name}_token", files[f"{name}_token"])
        for name, value in given.items()
        if value is not None
    }
    return {**defaults, **contents}


def _added(keys: _Keys, folder: Path) -> dict[int, str] | None:
    """Return the added tokens that a file lists, by id."""
    if keys.added_tokens_decoder is not None:
        file = folder / CONFIG
        return {
            _number(number, file): _content(token, f"added_tokens_decoder.{number[:20]}", file)
            for number, token in keys.added_tokens_decoder.items()
        }
    file = folder / ADDED_TOKENS
    listed = read_json_if_there(file).items()
    return {
        number: _content(token, "an added token", file)
        for token, number in listed
        if is_integer(number, 0)
    } or None


def _number(written: str, file: Path) -> int:
    """Return the id that a key of added_tokens_decoder is."""
    if not re.fullmatch("[0-9]{1,10}", written):
        raise ModelFileError(
            f"{file} has the key {shortened(written)} in added_tokens_decoder, expected a token id"
        )
    return int(written)


def _content(token: str | Mapping[str, Any], key: str, file: Path) -> str:
    """Return the text of a token that is written as a text, or as an object with one."""
    content = token if isinstance(token, str) else token.get("content")
    if not isinstance(content, str) or _SURROGATE.search(content):
        raise ModelFileError(
            f"{file} has {key} {shortened(token)}, expected a text of Unicode characters, or an "
            "object with one as its content"
        )
    return content


def _chat_template(keys: _Keys, folder: Path) -> str | None:
    if keys.chat_template is not None:
        return f"{folder / CONFIG}: chat_template"
    for name in (CHAT_TEMPLATE, CHAT_TEMPLATES):
        if (folder / name).exists():
            return str(folder / name)
    return None
