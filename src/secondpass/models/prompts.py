"""What a model puts before a text, as config_sentence_transformers.json says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secondpass.checks import shortened
from secondpass.errors import ModelFileError

# The names that sentence-transformers looks for, in its order.
_DOCUMENT_NAMES = ("document", "passage", "corpus")


@dataclass(frozen=True, slots=True)
class Prompts:
    """The text before every query and before every document; empty for most models."""

    query: str = ""
    document: str = ""


def read_prompts(modular: Mapping[str, Any], file: Path) -> Prompts:
    """Read the prompts as `encode_query` and `encode_document` of sentence-transformers use them.

    A prompt with the name in `default_prompt_name` stands where there is none of its own name.

    Raises:
        ModelFileError: the prompts are not text by name, or the default is not one of them.
    """
    prompts, default = _named(modular, file)
    document = next((prompts[known] for known in _DOCUMENT_NAMES if known in prompts), default)
    return Prompts(prompts.get("query", default), document)


def read_default_prompt(modular: Mapping[str, Any], file: Path) -> str:
    """Read what `CrossEncoder.predict` puts before every query: the prompt named as the default.

    Raises:
        ModelFileError: as `read_prompts`.
    """
    return _named(modular, file)[1]


def _named(modular: Mapping[str, Any], file: Path) -> tuple[Mapping[str, str], str]:
    """Return the prompts by name, and the one that stands where none is named."""
    prompts = modular.get("prompts") or {}
    # A prompt that is null is an empty one.
    if not isinstance(prompts, Mapping) or not all(
        isinstance(text, str | None) for text in prompts.values()
    ):
        raise ModelFileError(f"{file} has prompts {shortened(prompts)}, expected text by name")
    texts = {name: text or "" for name, text in prompts.items()}
    name = modular.get("default_prompt_name")
    if name is not None and name not in texts:
        raise ModelFileError(
            f"{file} has default_prompt_name {shortened(name)}, expected one of "
            f"{', '.join(map(repr, texts)) or 'no name: it has no prompts'}"
        )
    return texts, "" if name is None else texts[name]
