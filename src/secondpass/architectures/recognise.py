"""The name of an architecture, where config.json does not say it by `model_type` alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# The class of a folder's own configuration code, which is never run: its name tells the kind.
_BY_OWN_CLASS = {
    "XLMRobertaFlashConfig": "xlm-roberta-flash",
    "JinaBertConfig": "jina-bert",
}


def architecture_of(config: Mapping[str, Any]) -> str:
    """Return the name in the table of architectures, or the `model_type`, or an empty string."""
    named = config.get("auto_map")
    own = named.get("AutoConfig") if isinstance(named, Mapping) else None
    if isinstance(own, str):
        recognised = _BY_OWN_CLASS.get(own.rpartition(".")[2])
        if recognised is not None:
            return recognised
    return str(config.get("model_type") or "")
