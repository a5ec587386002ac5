"""The identity of a loaded model: what records say of it, and what its logits depend on."""

from __future__ import annotations

from secondpass.engine.contract import EngineInfo
from secondpass.environment.machine import processor_name_and_flags
from secondpass.graph.build import BUILDER_VERSION
from secondpass.graph.quantize import CALIBRATION_VERSION
from secondpass.models.spec import ModelSpec
from secondpass.score_cache.rules import ScoringRules
from secondpass.types import ModelInfo


def describe(
    spec: ModelSpec,
    engine: EngineInfo,
    *,
    max_length: int,
    activation: str,
    instruction: str = "",
    template: str | None = None,
) -> ModelInfo:
    """Return what is loaded and how it runs; `template` is the chat template's hash."""
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
        instruction=instruction,
        chat_template_sha256=template,
        reason=engine.reason,
    )


def scoring_rules(
    spec: ModelSpec,
    engine: EngineInfo,
    *,
    max_length: int,
    long_documents: str,
    stride: int | None,
    choice: str,
    instruction: str,
) -> ScoringRules:
    """Return everything a logit depends on besides query and text, as a cache key."""
    return ScoringRules(
        weights_sha256=spec.weights_sha256,
        config_sha256=spec.settings_sha256,
        tokenizer_sha256=spec.tokenizer_sha256,
        precision=engine.precision,
        arithmetic=engine.arithmetic,
        engine=engine.name,
        device=engine.device,
        graph_version=f"{BUILDER_VERSION} {CALIBRATION_VERSION}",
        processor=processor_name_and_flags(),
        max_length=max_length,
        long_documents=long_documents,
        stride=stride,
        choice=choice,
        instruction=instruction,
    )
