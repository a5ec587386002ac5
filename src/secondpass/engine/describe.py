"""A spec and a running engine to the words that name both in results and records."""

from __future__ import annotations

from secondpass.engine.contract import EngineInfo
from secondpass.models.spec import ModelSpec
from secondpass.types import ModelInfo


def describe(spec: ModelSpec, engine: EngineInfo, *, max_length: int, activation: str) -> ModelInfo:
    """Return what is loaded and how it runs."""
    return ModelInfo(
        name=spec.name,
        revision=spec.revision,
        architecture=spec.architecture,
        weights_sha256=spec.weights_sha256,
        tokenizer_sha256=spec.tokenizer_sha256,
        precision=engine.precision,
        arithmetic=engine.arithmetic,
        engine=engine.name,
        device=engine.device,
        threads=engine.threads,
        max_length=max_length,
        activation=activation,
    )
