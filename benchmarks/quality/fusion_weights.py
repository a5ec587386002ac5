"""What each fusion weight would give: the scores are known, so trying one costs no model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from benchmarks.quality.bars import worst_margin
from benchmarks.quality.measured import Measured, measure
from benchmarks.quality.result import FusionWeight, System
from benchmarks.quality.statistics import mean_of_means

WEIGHTS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)


def try_weights(
    measured: Sequence[Measured],
    fusion: System,
    *,
    first: str,
    bi_encoder: str,
    weights: Iterable[float] = WEIGHTS,
) -> tuple[FusionWeight, ...]:
    """Measure a fusion at each weight, on all collections."""
    return tuple(
        _try(measured, replace(fusion, weight=weight), first=first, bi_encoder=bi_encoder)
        for weight in weights
    )


def _try(
    measured: Sequence[Measured], fusion: System, *, first: str, bi_encoder: str
) -> FusionWeight:
    assert fusion.of is not None
    assert fusion.weight is not None
    again = [
        replace(one, values={**one.values, **measure(one.task, [fusion], one.scored).values})
        for one in measured
    ]
    margin, worst = worst_margin(again, fusion.label, first=first, bi_encoder=bi_encoder)
    mean = mean_of_means([one.values[fusion.label] for one in again])
    return FusionWeight(fusion.of, fusion.weight, mean, margin, worst)
