"""A folder without a tokenizer.json: one is made of its vocabulary files, as transformers makes it.

transformers is given a folder of our own that holds the vocabulary and the settings that a class
reads, and none of the model's config that could name code or another file. What it makes is kept
in the cache, never in the model folder, and is read like any tokenizer.json.
"""

from __future__ import annotations

import codecs
import json
import tempfile
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from secondpass.atomic import replacing
from secondpass.checks import shortened
from secondpass.errors import MissingExtraError, ModelFileError, UnsupportedModelError
from secondpass.models.boundary import at_the_boundary
from secondpass.models.digest import file_sha256, files_sha256, text_sha256
from secondpass.models.files import read_json_if_there, require_file
from secondpass.models.tokenizer import (
    MOST_TEXT_CHARACTERS,
    TOKENIZER,
    require_short_texts,
)
from secondpass.models.tokenizer_settings import ADDED_TOKENS, CONFIG, SPECIAL_TOKENS
from secondpass.settings import Settings, warn_not_kept

# Raise it whenever another tokenizer.json is made of the same files.
_CONVERSION_VERSION = 1
_EXTRA = "tokenizer"
_OLDEST_TRANSFORMERS = 5

_PIECES = ("spm.model", "sentencepiece.bpe.model", "spiece.model", "tokenizer.model")
# What a vocabulary is in: the files of one line belong together.
VOCABULARIES = (
    ("vocab.txt",),
    ("vocab.json", "merges.txt"),
    *((name,) for name in _PIECES),
)
FILES = tuple(name for names in VOCABULARIES for name in names)
# More than any vocabulary's; XLM-R's has 5 MB.
_MOST_BYTES = 32 * 1024**2
# A merge is two tokens with a blank.
_MOST_LINE_CHARACTERS = {"vocab.txt": MOST_TEXT_CHARACTERS, "merges.txt": 2 * MOST_TEXT_CHARACTERS}

# Of config.json and tokenizer_config.json: what says the class, and what a class makes tokens by.
# No key of them is a path.
_MODEL_KEYS = ("model_type", "tokenizer_class")
_TOKENIZER_KEYS = frozenset(
    {"tokenizer_class", "do_lower_case", "keep_accents", "split_by_punct", "strip_accents"}
    | {"tokenize_chinese_chars", "add_prefix_space", "trim_offsets", "legacy"}
    | {"add_bos_token", "add_eos_token", "added_tokens_decoder", "additional_special_tokens"}
    | {"extra_special_tokens"}
)
_SPECIAL_KEYS = frozenset(
    {"bos_token", "eos_token", "unk_token", "sep_token", "cls_token", "pad_token", "mask_token"}
    | {"additional_special_tokens", "extra_special_tokens"}
)


def has_vocabulary(folder: Path) -> bool:
    """Tell whether a folder holds the files of a vocabulary."""
    return any(all((folder / name).exists() for name in names) for names in VOCABULARIES)


@at_the_boundary
def tokenizer_file(folder: Path, config: Mapping[str, Any], cache_dir: Path | None = None) -> Path:
    """Return the folder's tokenizer.json, or the one that is made of its vocabulary files.

    Args:
        folder: the model's.
        config: its config.json.
        cache_dir: where what is made is kept, by default the user's cache folder.

    Raises:
        ModelFileError: there is neither, or a file is broken or not one that its class reads.
        UnsupportedModelError: a token is longer than any.
        MissingExtraError: transformers, or what it needs for a sentencepiece, is not installed.
    """
    if (folder / TOKENIZER).exists():
        return folder / TOKENIZER
    if not has_vocabulary(folder):
        one_of = "; ".join(" with ".join(names) for names in VOCABULARIES)
        raise ModelFileError(
            f"{folder / TOKENIZER} is missing, and so is each vocabulary that one can be made of "
            f"({one_of}): save it with the transformers library, "
            "AutoTokenizer.from_pretrained(...).save_pretrained(...)"
        )
    given = [folder / name for name in FILES if (folder / name).exists()]
    for file in given:
        require_file(file, most_bytes=_MOST_BYTES)
    settings = _settings(folder, config)
    released = _released(given)
    cache = Settings.from_environment(cache_dir).cache_dir
    described = f"{_CONVERSION_VERSION} {released} {json.dumps(settings, sort_keys=True)}"
    names = " ".join(file.name for file in given)
    key = text_sha256(f"{described} {names} {files_sha256(given)}")[:32]
    return _kept(cache, key) or _made(folder, given, settings, cache / "tokenizers" / key)


def _released(given: Iterable[Path]) -> str:
    """Return the version of transformers.

    Raises:
        MissingExtraError: it is not installed, or too old, or what it needs is not installed.
    """
    pieces = any(file.name in _PIECES for file in given)
    packages = ("transformers", *(("sentencepiece", "protobuf") if pieces else ()))
    what = f"A tokenizer.json made of {', '.join(file.name for file in given)}"
    try:
        released, *_ = [version(package) for package in packages]
    except PackageNotFoundError:
        raise MissingExtraError(what, _EXTRA) from None
    if int(released.partition(".")[0]) < _OLDEST_TRANSFORMERS:
        raise MissingExtraError(
            f"{what} (transformers {released} is installed, {_OLDEST_TRANSFORMERS} is the oldest "
            "that makes the same tokens)",
            _EXTRA,
        )
    return released


def _settings(folder: Path, config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what is handed to transformers beside the vocabulary, by file name."""
    said = read_json_if_there(folder / CONFIG)
    special = read_json_if_there(folder / SPECIAL_TOKENS)
    added = read_json_if_there(folder / ADDED_TOKENS)
    settings = {
        "config.json": {key: config[key] for key in _MODEL_KEYS if config.get(key) is not None},
        CONFIG: {key: said[key] for key in said if key in _TOKENIZER_KEYS | _SPECIAL_KEYS},
        SPECIAL_TOKENS: {key: special[key] for key in special if key in _SPECIAL_KEYS},
        ADDED_TOKENS: added,
    }
    return {name: values for name, values in settings.items() if values}


def _kept(cache: Path, key: str) -> Path | None:
    """Return what an earlier load made and nothing has damaged: its folder is named by its hash."""
    try:
        kept = list((cache / "tokenizers" / key).glob(f"*/{TOKENIZER}"))
        whole = [file for file in kept if file_sha256(file) == file.parent.name]
    except OSError:  # another user's
        return None
    return whole[0] if whole else None


# What could not be kept in the cache lives as long as the process.
_of_this_process: list[tempfile.TemporaryDirectory[str]] = []


def _made(
    folder: Path, given: list[Path], settings: Mapping[str, Mapping[str, Any]], place: Path
) -> Path:
    with tempfile.TemporaryDirectory(prefix="secondpass-") as written:
        made = Path(written) / "made.json"
        _convert(folder, given, settings, Path(written), made)
        content, digest = made.read_bytes(), file_sha256(made)
    kept = place / digest / TOKENIZER
    try:
        with replacing(kept) as file:
            file.write_bytes(content)
    except OSError as error:
        warn_not_kept(place.parent.parent, error)
        _of_this_process.append(tempfile.TemporaryDirectory(prefix="secondpass-"))
        kept = Path(_of_this_process[-1].name) / TOKENIZER
        kept.write_bytes(content)
    return kept


def _convert(
    folder: Path,
    given: list[Path],
    settings: Mapping[str, Mapping[str, Any]],
    place: Path,
    made: Path,
) -> None:
    """Write the tokenizer.json of checked copies, which stand in `place`."""
    for file in given:
        (place / file.name).write_bytes(_checked(file))
    for name, values in settings.items():
        (place / name).write_text(json.dumps(values), encoding="utf-8")
        require_short_texts(place / name, called=folder / name)
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(
        str(place), trust_remote_code=False, local_files_only=True
    )
    reads = {name for name in tokenizer.vocab_files_names.values() if name != TOKENIZER}
    if missing := sorted(reads - {file.name for file in given}):
        raise ModelFileError(
            f"{folder / TOKENIZER} is missing and cannot be made: its {type(tokenizer).__name__} "
            f"reads {' and '.join(missing)}, the folder holds "
            f"{', '.join(file.name for file in given)}"
        )
    tokenizer.backend_tokenizer.save(str(made))


def _checked(file: Path) -> bytes:
    """Return a file's content, none of whose tokens is longer than any.

    Raises:
        ModelFileError: it is not UTF-8, or not a sentencepiece.
        UnsupportedModelError: a token is too long.
    """
    content = file.read_bytes()
    if file.name in _PIECES:
        _require_short(_read_pieces(file, content), MOST_TEXT_CHARACTERS, file)
    elif file.suffix == ".json":
        require_short_texts(file)
    else:
        try:
            text = content.removeprefix(codecs.BOM_UTF8).decode()
        except UnicodeDecodeError as error:
            raise ModelFileError(f"{file} is not UTF-8: {error.reason}") from None
        _require_short(text.split("\n"), _MOST_LINE_CHARACTERS[file.name], file)
    return content


def _read_pieces(file: Path, content: bytes) -> list[str]:
    from google.protobuf.message import DecodeError
    from sentencepiece import sentencepiece_model_pb2

    model = sentencepiece_model_pb2.ModelProto()
    try:
        model.ParseFromString(content)
    except DecodeError:
        raise ModelFileError(f"{file} is not a sentencepiece model that can be read") from None
    if not model.pieces:
        raise ModelFileError(f"{file} is a sentencepiece model without pieces")
    return [piece.piece for piece in model.pieces]


def _require_short(texts: Iterable[str], most: int, file: Path) -> None:
    for text in texts:
        if len(text) > most:
            raise UnsupportedModelError(
                f"{file} has a token of {len(text):,} characters, {shortened(text)}, expected at "
                f"most {most:,}"
            )
