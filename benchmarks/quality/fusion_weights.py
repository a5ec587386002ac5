"""What each fusion weight would give: the scores are known, so trying one costs no model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from benchmarks.quality.bars import worst_margin
from benchmarks.quality.measured import Measured, measure
from benchmarks.quality.result import FusionWeight, HeldOut, System

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
    means = {one.task.name: float(one.values[fusion.label].mean()) for one in again}
    mean = float(np.mean(list(means.values())))
    return FusionWeight(fusion.of, fusion.weight, mean, margin, worst, means)


def held_out(weights: Sequence[FusionWeight]) -> HeldOut | None:
    """Return what the fusion reaches where no collection has a say in its own weight.

    None for a single collection. Of equal weights the first, that is the smallest, is taken.
    """
    names = list(weights[0].means)
    if len(names) < 2:
        return None
    best = {
        name: max(weights, key=lambda one: sum(one.means.values()) - one.means[name])
        for name in names
    }
    mean = float(np.mean([best[name].means[name] for name in names]))
    return HeldOut(weights[0].label, mean, {name: one.weight for name, one in best.items()})
