"""What happened in a run so far. Kept in each checkpoint; the card is written from it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple

from secondpass.atomic import write_text
from secondpass.errors import ModelFileError
from secondpass.models.files import read_json

FILE = "history.json"


class LossPoint(NamedTuple):
    """The mean loss of the steps since the point before."""

    step: int
    loss: float


class DevPoint(NamedTuple):
    """nDCG@10 by development collection, and their mean."""

    step: int
    ndcg: Mapping[str, float]
    mean: float


@dataclass(slots=True)
class History:
    """Filled as the run goes. `settings` must be the same when a run is resumed.

    `seconds_before` is what was spent before this process took over; `evaluating` are each
    evaluation's seconds.
    """

    settings: Mapping[str, object]
    step: int = 0
    pairs: int = 0
    tokens: int = 0
    seconds_before: float = 0.0
    losses: list[LossPoint] = field(default_factory=list)
    dev: list[DevPoint] = field(default_factory=list)
    evaluating: list[float] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def seconds(self) -> float:
        """Return the wall seconds of training and evaluation, over all processes."""
        return self.seconds_before + time.monotonic() - self.started

    def restart_clock(self) -> None:
        """Count from now what this process spends."""
        self.started = time.monotonic()

    def last_evaluation(self) -> float:
        """Return the seconds of the latest evaluation, 0 without one."""
        return self.evaluating[-1] if self.evaluating else 0.0

    def best(self) -> DevPoint | None:
        """Return the first of the highest dev means, None without an evaluation."""
        return max(self.dev, key=lambda point: point.mean, default=None)

    def write(self, folder: Path) -> None:
        """Write all of it into a checkpoint's folder, whole or not at all."""
        values = asdict(self) | {"seconds_before": self.seconds()}
        del values["started"]
        write_text(folder / FILE, json.dumps(values, indent=1) + "\n")

    @classmethod
    def read(cls, folder: Path) -> History:
        """Read what `write` wrote; the clock runs on from there.

        Raises:
            ModelFileError: it is missing or broken.
        """
        values = read_json(folder / FILE)
        try:
            values["losses"] = [LossPoint(*point) for point in values["losses"]]
            values["dev"] = [DevPoint(*point) for point in values["dev"]]
            return cls(**values)
        except (KeyError, TypeError) as error:
            raise ModelFileError(f"{folder / FILE} is not a history of a run: {error}") from None
