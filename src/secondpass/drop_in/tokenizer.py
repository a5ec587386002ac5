"""The tokenizer of the transformers library, for callers that look at it."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from secondpass.errors import MissingExtraError
from secondpass.models.code_free import require_code_free


@lru_cache(maxsize=4)
def load_tokenizer(folder: Path, max_length: int) -> Any:
    """Return the tokenizer of a folder, which says that it takes `max_length` tokens.

    Raises:
        MissingExtraError: transformers is not installed.
        UnsupportedModelError: the folder names code to run.
    """
    if find_spec("transformers") is None:
        raise MissingExtraError("CrossEncoder.tokenizer", "torch")
    from transformers import AutoTokenizer

    require_code_free(folder)
    return AutoTokenizer.from_pretrained(
        str(folder), local_files_only=True, trust_remote_code=False, model_max_length=max_length
    )
