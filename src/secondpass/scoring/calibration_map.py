"""A fitted map from logit to the probability of relevance, and the file that holds it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from secondpass.checks import shortened
from secondpass.errors import InputError
from secondpass.result_file import read_result
from secondpass.scoring.scored import Floats
from secondpass.scoring.sigmoid import sigmoid

Method = Literal["platt", "isotonic"]
METHODS: tuple[Method, ...] = get_args(Method)

# The file's name where only a folder is named.
FILE = "calibration.json"
SCHEMA = "secondpass/calibration/1"

# The share of Platt's map in an isotonic one, which is flat in places: so it rises everywhere.
_RISE = 1e-3


@dataclass(frozen=True, slots=True)
class CalibrationMap:
    """The probability of relevance at a logit; it rises with the logit, so that no order changes.

    "platt" is sigmoid(slope * logit + intercept). "isotonic" goes in straight lines from point to
    point, `logits` and `probabilities` of equal length, and is flat outside.

    Raises:
        InputError: the numbers are no such map.
    """

    method: Method
    slope: float
    intercept: float
    logits: tuple[float, ...] = ()
    probabilities: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        points, values = np.array(self.logits), np.array(self.probabilities)
        wrong = (
            "slope that is not above 0" * (not self.slope > 0)
            or "points of unequal number" * (len(points) != len(values))
            or "no points" * (self.method == "isotonic" and not len(points))
            or "logits that do not rise" * bool((np.diff(points) <= 0).any())
            or "probabilities that fall" * bool((np.diff(values) < 0).any())
            or "probabilities outside 0 to 1" * bool(((values < 0) | (values > 1)).any())
        )
        if wrong:
            raise InputError(f"the map has {wrong}")

    def __str__(self) -> str:
        return f"calibrated ({self.method})"

    def applied(self, logits: Floats) -> Floats:
        """Return the probability at each logit, float32 of the same shape."""
        wide = np.asarray(logits, np.float64)
        smooth = sigmoid(self.slope * wide + self.intercept)
        if self.method == "platt":
            return np.asarray(smooth, np.float32)
        stepped = np.interp(wide, self.logits, self.probabilities)
        return np.asarray((1 - _RISE) * stepped + _RISE * smooth, np.float32)


@dataclass(frozen=True, slots=True)
class FittedTo:
    """Whose logits a map was fitted to."""

    name: str
    weights_sha256: str


@dataclass(frozen=True, slots=True)
class Stored:
    """What is read of a calibration's file."""

    schema: str
    model: FittedTo
    map: CalibrationMap


def read_calibration(place: Path, *, name: str, weights_sha256: str) -> CalibrationMap:
    """Return the map of a file that `secondpass calibrate` wrote, or of the folder it lies in.

    `name` and `weights_sha256` are those of the model that is to be calibrated.

    Raises:
        InputError: there is no such file, it holds no map, or one of another model.
    """
    file = place / FILE if place.is_dir() else place
    stored = read_result(file, Stored, "calibration")
    if stored.schema != SCHEMA:
        raise InputError(
            f"calibration {file} has schema {shortened(stored.schema)}, expected {SCHEMA!r}"
        )
    if stored.model.weights_sha256 != weights_sha256:
        raise InputError(
            f"calibration {file} was fitted to {stored.model.name}, whose weights are not those of "
            f"{name}: fit one with secondpass calibrate"
        )
    return stored.map
