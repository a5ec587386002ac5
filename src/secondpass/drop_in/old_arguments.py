"""Names and places of arguments that sentence-transformers changed, and still takes with a warning.

The warnings are log records with its texts.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

# Places of the constructor, behind the name.
_PLACES = ("num_labels", "max_length", "activation_fn", "device")
_OF_CONSTRUCTOR = {
    "model_name": "model_name_or_path",
    "automodel_args": "model_kwargs",
    "tokenizer_args": "processor_kwargs",
    "tokenizer_kwargs": "processor_kwargs",
    "config_args": "config_kwargs",
    "cache_dir": "cache_folder",
    "default_activation_function": "activation_fn",
}
_OF_CALLS = {"sentences": "inputs", "activation_fct": "activation_fn"}
_WITHOUT_EFFECT = {
    "predict": ("num_workers",),
    "rank": ("num_workers", "apply_softmax", "convert_to_numpy", "convert_to_tensor"),
}


def constructor(method: Callable[P, R]) -> Callable[P, R]:
    """Decorate the constructor, so that it takes its old names and places."""

    @functools.wraps(method)
    def taking(*args: Any, **kwargs: Any) -> R:
        # The instance and the name keep their places.
        for name, value in zip(_PLACES, args[2:], strict=False):
            logger.warning(
                "Passing `%s` as a positional argument to CrossEncoder is deprecated. "
                "Please use `%s=%r` as a keyword argument instead.",
                *(name, name, value),
            )
            kwargs.setdefault(name, value)
        kept = args[:2] + args[2 + len(_PLACES) :]
        for old in _OF_CONSTRUCTOR.keys() & kwargs.keys():
            new, value = _OF_CONSTRUCTOR[old], kwargs.pop(old)
            logger.warning(
                "The CrossEncoder `%s` argument was renamed and is now deprecated. "
                "Please use `%s` instead.",
                *(old, new),
            )
            kwargs.setdefault(new, value)
        if "classifier_dropout" in kwargs:
            dropout = kwargs.pop("classifier_dropout")
            logger.warning(
                "The CrossEncoder `classifier_dropout` argument is deprecated. Please use "
                "`config_kwargs={'classifier_dropout': %s}` instead.",
                dropout,
            )
            given = kwargs.get("config_kwargs") or {}
            kwargs["config_kwargs"] = {**given, "classifier_dropout": dropout}
        return method(*kept, **kwargs)

    return taking


def call(method: Callable[P, R]) -> Callable[P, R]:
    """Decorate `predict` or `rank`, so that it takes its old names."""
    name = method.__name__

    @functools.wraps(method)
    def taking(*args: Any, **kwargs: Any) -> R:
        for old in _OF_CALLS.keys() & kwargs.keys():
            new, value = _OF_CALLS[old], kwargs.pop(old)
            logger.warning(
                "The `%s` argument was renamed and is now deprecated. Please use `%s` instead.",
                *(old, new),
            )
            kwargs.setdefault(new, value)
        for old in _WITHOUT_EFFECT[name]:
            if kwargs.pop(old, None) is not None:
                logger.warning(
                    "The CrossEncoder.%s `%s` argument is deprecated and has no effect. "
                    "It will be removed in a future version.",
                    *(name, old),
                )
        return method(*args, **kwargs)

    return taking
