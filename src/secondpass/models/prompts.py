"""What a bi-encoder puts before a text, as config_sentence_transformers.json says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    prompts = modular.get("prompts") or {}
    if not isinstance(prompts, Mapping) or not all(
        isinstance(text, str) for text in prompts.values()
    ):
        raise ModelFileError(f"{file} has prompts {prompts!r}, expected text by name")
    name = modular.get("default_prompt_name")
    if name is not None and name not in prompts:
        raise ModelFileError(
            f"{file} has default_prompt_name {name!r}, expected one of "
            f"{', '.join(map(repr, prompts)) or 'no name: it has no prompts'}"
        )
    default = "" if name is None else prompts[name]
    document = next((prompts[known] for known in _DOCUMENT_NAMES if known in prompts), default)
    return Prompts(prompts.get("query", default), document)
