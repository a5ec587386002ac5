"""Loads the models, with the time each takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from secondpass.bench.clock import Clock
from secondpass.reranker import CrossEncoderReranker
from secondpass.types import ModelInfo

Model = TypeVar("Model")


@dataclass(frozen=True, slots=True)
class Loaded:
    """The models of a run and their load times; without a dense stage there is no embedder."""

    reranker: CrossEncoderReranker
    reranker_load_ms: float
    embedder: ModelInfo | None = None
    embedder_load_ms: float | None = None


def timed_load(load: Callable[[], Model], clock: Clock) -> tuple[Model, float]:
    """Return a model and the milliseconds it took to load."""
    started = clock.now()
    model = load()
    return model, (clock.now() - started) * 1000
