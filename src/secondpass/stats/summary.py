"""A sample in a few numbers. Nothing here computes; results hold these."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """A statistic and its 95 % bootstrap interval; a sample of one has no interval."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    """The statistics of one sample; a percentile that the sample does not support is None."""

    count: int
    mean: Estimate
    p50: Estimate | None
    p95: Estimate | None
    p99: Estimate | None
