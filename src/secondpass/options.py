"""The options of a reranker or embedder: one dataclass, every value checked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from secondpass.engine.contract import PRECISIONS, Precision
from secondpass.errors import InputError
from secondpass.models.activation import ACTIVATIONS, Activation
from secondpass.models.spec import ModelSpec
from secondpass.settings import Settings, available_processors

MOST_THREADS = 1024
# Room for some 150,000 scores in memory, 700,000 in a folder.
CACHE_BYTES = 64 * 1024**2
LEAST_CACHE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Options:
    """Checked options. Make it with `checked`."""

    precision: Precision
    device: str
    threads: int
    activation: Activation | None
    max_batch_tokens: int
    cache_dir: Path
    cache: Literal["memory"] | Path | None = None
    cache_bytes: int = CACHE_BYTES

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
        cache: str | os.PathLike[str] | None = None,
        cache_bytes: int | None = None,
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
            cache=_checked_cache(cache),
            cache_bytes=_checked_cache_bytes(cache_bytes, cache),
        )


def _checked_threads(threads: int) -> int:
    """Return `threads` if it is a number that a machine could have."""
    if whole("threads", threads) > MOST_THREADS:
        raise InputError(f"threads is {threads}, expected at most {MOST_THREADS}")
    return threads


def _checked_cache(cache: str | os.PathLike[str] | None) -> Literal["memory"] | Path | None:
    """Return where scores are kept, if that can be a place."""
    if cache is None or cache == "memory":
        return None if cache is None else "memory"
    if not isinstance(cache, str | os.PathLike) or not os.fspath(cache):
        raise InputError(f"cache is {cache!r}, expected None, 'memory' or a folder's path")
    folder = Path(cache).expanduser()
    if folder.is_file():
        raise InputError(f"cache {folder} is a file, expected 'memory' or a folder")
    return folder


def _checked_cache_bytes(cache_bytes: int | None, cache: object) -> int:
    """Return the bound of the score cache; without a cache there is nothing to bound."""
    if cache_bytes is None:
        return CACHE_BYTES
    if cache is None:
        raise InputError(
            f"cache_bytes is {cache_bytes!r}, but there is no cache: pass cache='memory' or a "
            "folder, or leave cache_bytes out"
        )
    return whole("cache_bytes", cache_bytes, LEAST_CACHE_BYTES)


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
