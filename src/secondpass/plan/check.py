"""Predicted against measured, at settings the calibration did not see."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from secondpass.cost.line import Cost
from secondpass.plan.calibration import Subject
from secondpass.plan.result import Checked
from secondpass.stats.percentiles import percentile

# (candidates, document tokens); none of the lengths is one of the calibration's.
SETTINGS = ((10, 60), (20, 160), (50, 60), (25, 240), (100, 90), (12, 360), (60, 130), (100, 240))
# The P95 of 40 is the third largest.
REPEATS = 40
# A model that would take longer is checked with fewer candidates.
SECONDS = 120.0


def check(subject: Subject, cost: Cost, advance: Callable[[int], None]) -> list[Checked]:
    """Measure each setting in turns and compare its percentiles with the predictions."""
    measured: dict[tuple[int, int], list[float]] = {one: [] for one in settings(subject, cost)}
    for _ in range(REPEATS):
        for setting, times in measured.items():
            times.append(subject.measure(*setting).ms)
        advance(1)
    return [_checked(subject, cost, *setting, times) for setting, times in measured.items()]


def settings(subject: Subject, cost: Cost) -> list[tuple[int, int]]:
    """Return `SETTINGS`, with fewer candidates where all would be predicted over `SECONDS`."""
    turn_ms = sum(cost.p50_ms(count, subject.length(tokens)) for count, tokens in SETTINGS)
    share = min(1.0, SECONDS * 1000 / (REPEATS * turn_ms))
    return [(max(1, round(share * candidates)), tokens) for candidates, tokens in SETTINGS]


def median_p50_error(checked: Sequence[Checked]) -> float | None:
    """Return the median of the errors of P50; None where nothing was checked."""
    return median(one.p50_error for one in checked) if checked else None


def median_p95_error(checked: Sequence[Checked]) -> float | None:
    """Return the median of the errors of P95; None where nothing was checked."""
    return median(one.p95_error for one in checked) if checked else None


def _checked(
    subject: Subject, cost: Cost, candidates: int, document_tokens: int, times: list[float]
) -> Checked:
    length = subject.length(document_tokens)
    return Checked(
        candidates,
        document_tokens,
        cost.p50_ms(candidates, length),
        float(percentile(times, 50)),
        cost.p95_ms(candidates, length),
        float(percentile(times, 95)),
    )
