"""A model's own activation, read from its config as sentence-transformers 6 does."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from secondpass.errors import Argument, UnsupportedModelError
from secondpass.options.model import ACTIVATIONS, Activation

# The class name at the end of the dotted path that sentence-transformers stores.
_BY_CLASS: dict[str, Activation] = {
    "Sigmoid": "sigmoid",
    "Identity": "identity",
    "Tanh": "tanh",
    "ReLU": "relu",
    "Softplus": "softplus",
}


def saved_activation(config: Mapping[str, Any], modular: Mapping[str, Any]) -> Any:
    """Return the dotted name of a model's own activation, None where it has none."""
    saved = config.get("sentence_transformers") or {}
    older = config.get("sbert_ce_default_activation_function")
    return modular.get("activation_fn") or saved.get("activation_fn", older)


def configured_activation(
    config: Mapping[str, Any], modular: Mapping[str, Any], *, name: str, labels: int = 1
) -> Activation:
    """Return the activation of a model.

    Looks, in this order, at `activation_fn` of config_sentence_transformers.json (`modular`), at
    `sentence_transformers.activation_fn` and at `sbert_ce_default_activation_function` of
    config.json; none of them means sigmoid, of several labels identity. A path outside torch is
    never imported: like sentence-transformers, warn and take the one that none means.
    """
    default: Activation = "sigmoid" if labels == 1 else "identity"
    path = saved_activation(config, modular)
    if path is None:
        return default
    if not isinstance(path, str):
        raise UnsupportedModelError(
            f"{name}: its config gives the activation {path!r}, expected a dotted name; pass ",
            Argument("activation"),
            f", one of {', '.join(ACTIVATIONS)}",
        )
    if not path.startswith("torch."):
        warnings.warn(
            f"{name}: activation {path!r} is not one of torch's and is not run; {default} is used. "
            f"The reranker's argument activation chooses another: {', '.join(ACTIVATIONS)}",
            stacklevel=2,
        )
        return default
    known = _BY_CLASS.get(path.rpartition(".")[2])
    if known is None:
        raise UnsupportedModelError(
            f"{name}: activation {path!r} is not known; pass ",
            Argument("activation"),
            f", one of {', '.join(ACTIVATIONS)}",
        )
    return known
