"""The options of a reranker or embedder: one dataclass, every value checked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secondpass.engine.contract import PRECISIONS, Precision
from secondpass.errors import InputError
from secondpass.models.activation import ACTIVATIONS, Activation
from secondpass.models.spec import ModelSpec
from secondpass.settings import Settings, available_processors

MOST_THREADS = 1024


@dataclass(frozen=True, slots=True)
class Options:
    """Checked options. Make it with `checked`."""

    precision: Precision
    device: str
    threads: int
    activation: Activation | None
    max_batch_tokens: int
    cache_dir: Path

    @classmethod
    def checked(
        cls,
        *,
        precision: Precision,
        device: str,
        threads: int | None,
        max_batch_tokens: int,
        cache_dir: str | os.PathLike[str] | None,
        activation: Activation | None = None,
    ) -> Options:
        """Return the options, or raise an InputError that names the value and what is allowed."""
        if not isinstance(device, str):
            raise InputError(f"device is {device!r}, expected a name such as 'cpu'")
        if not isinstance(cache_dir, str | os.PathLike | None):
            raise InputError(f"cache_dir is {cache_dir!r}, expected a folder's path")
        _one_of("precision", precision, PRECISIONS)
        if activation is not None:
            _one_of("activation", activation, ACTIVATIONS)
        return cls(
            precision=precision,
            device=device,
            threads=available_processors() if threads is None else _checked_threads(threads),
            activation=activation,
            max_batch_tokens=whole("max_batch_tokens", max_batch_tokens),
            cache_dir=Settings.from_environment(cache_dir).cache_dir,
        )


def _checked_threads(threads: int) -> int:
    """Return `threads` if it is a number that a machine could have."""
    if whole("threads", threads) > MOST_THREADS:
        raise InputError(f"threads is {threads}, expected at most {MOST_THREADS}")
    return threads


def checked_max_length(max_length: int, spec: ModelSpec, special_tokens: int) -> int:
    """Return `max_length` if the model can read that many tokens and a pair fits in it."""
    least = special_tokens + 2
    whole("max_length", max_length, least)
    if spec.position_limit is not None and max_length > spec.position_limit:
        raise InputError(
            f"max_length {max_length} is more than the {spec.position_limit} positions of "
            f"{spec.name}; pass max_length={spec.position_limit} or less"
        )
    return int(max_length)


def whole(name: str, value: Any, least: int = 1) -> int:
    """Return `value` if it is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{name} is {value!r}, expected a whole number of at least {least}")
    return value


def _one_of(name: str, value: object, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise InputError(f"{name} is {value!r}, expected one of {', '.join(allowed)}")
