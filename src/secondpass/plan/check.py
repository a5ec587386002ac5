"""Predicted against measured, at settings the calibration did not see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from secondpass.plan.calibration import Subject
from secondpass.plan.cost import Cost

# (candidates, document tokens); none of the lengths is one of the calibration's.
SETTINGS = ((10, 60), (20, 160), (50, 60), (25, 240), (100, 90), (12, 360), (60, 130), (100, 240))
REPEATS = 5


@dataclass(frozen=True, slots=True)
class Checked:
    """One setting: the P50 that was predicted, and the median of what was measured."""

    candidates: int
    document_tokens: int
    predicted_ms: float
    measured_ms: float

    @property
    def error(self) -> float:
        """How far the prediction is from the measurement, as a share of it."""
        return abs(self.predicted_ms - self.measured_ms) / self.measured_ms


def check(subject: Subject, cost: Cost, advance: Callable[[int], None]) -> list[Checked]:
    """Measure each setting in turns and compare its median with the prediction."""
    measured: dict[tuple[int, int], list[float]] = {setting: [] for setting in SETTINGS}
    for _ in range(REPEATS):
        for setting in SETTINGS:
            measured[setting].append(subject.measure(*setting).ms)
        advance(1)
    return [
        Checked(
            candidates,
            tokens,
            cost.p50_ms(candidates, subject.length(tokens)),
            median(measured[candidates, tokens]),
        )
        for candidates, tokens in SETTINGS
    ]


def median_error(checked: list[Checked]) -> float:
    """Return the median of the errors."""
    return median(one.error for one in checked)
