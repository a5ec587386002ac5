"""What `secondpass plan` found: predictions of each reranker for one target, and their check.

Nothing here computes; the fields' names are those of the JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from secondpass.environment.machine import Machine
from secondpass.environment.software import Software
from secondpass.types import ModelInfo


@dataclass(frozen=True, slots=True)
class Target:
    """The P95 the rerank may take, the tokens of each document, and how many an index has."""

    p95_ms: float
    document_tokens: int
    documents: int = 100_000


@dataclass(frozen=True, slots=True)
class Prediction:
    """What reranking `depth` candidates will take."""

    depth: int
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class Coefficients:
    """What was fitted. L is the padded length of a candidate with query and special tokens.

    P50 ms = call_ms + candidates * (candidate_ms + token_ms * L + attention_ms * L * L). P95 is
    `spread` times that: the median over the calibration's settings of P95 over P50 of repeats.
    """

    call_ms: float
    candidate_ms: float
    token_ms: float
    attention_ms: float
    spread: float


@dataclass(frozen=True, slots=True)
class Checked:
    """A setting that the calibration did not see: P50 and P95, predicted and measured."""

    candidates: int
    document_tokens: int
    predicted_p50_ms: float
    measured_p50_ms: float
    predicted_p95_ms: float
    measured_p95_ms: float

    @property
    def p50_error(self) -> float:
        """How far the predicted P50 is from the measured one, as a share of it."""
        return abs(self.predicted_p50_ms - self.measured_p50_ms) / self.measured_p50_ms

    @property
    def p95_error(self) -> float:
        """How far the predicted P95 is from the measured one, as a share of it."""
        return abs(self.predicted_p95_ms - self.measured_p95_ms) / self.measured_p95_ms


@dataclass(frozen=True, slots=True)
class PlannedStates:
    """What a reranker takes from states that an index keeps, and what keeping them takes.

    The bytes are of an index of `documents`, on disk, with the states and without;
    `encode_seconds` is how much longer it takes to make.
    """

    precision: str
    documents: int
    token_bytes: int
    index_bytes: int
    index_bytes_without: int
    encode_seconds: float
    cost: Coefficients
    depth: int
    predictions: tuple[Prediction, ...]


@dataclass(frozen=True, slots=True)
class Planned:
    """One reranker: the depth within the target, predictions, and how far off they were.

    `depth` is the most candidates whose predicted P95 meets the target. `needed_bytes` is estimated
    from the model's files, and `available_bytes` were there before it was loaded.
    `overhead_tokens` are those of the query and special tokens. The errors are medians of
    |predicted - measured| / measured over `checked`, None where nothing was checked.
    `cores_taken` is how many processors other work took while it was calibrated; `warning` says so
    where they were missing. `states` is None where none were asked for.
    """

    reranker: ModelInfo
    needed_bytes: int
    available_bytes: int
    overhead_tokens: int
    cost: Coefficients
    depth: int
    predictions: tuple[Prediction, ...]
    checked: tuple[Checked, ...]
    median_p50_error: float | None
    median_p95_error: float | None
    note: str | None
    cores_taken: float
    warning: str | None
    states: PlannedStates | None = None

    def at(self, depth: int) -> Prediction:
        """Return the prediction of one of the depths that were predicted."""
        return next(one for one in self.predictions if one.depth == depth)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanResult:
    """All of it, with the machine it holds for. `finished_at` is ISO 8601, UTC."""

    schema: Literal["secondpass/plan/1"] = "secondpass/plan/1"
    finished_at: str
    command: str
    machine: Machine
    software: Software
    target: Target
    planned: tuple[Planned, ...]

    @property
    def best(self) -> Planned:
        """The reranker with the largest depth; the first of equals."""
        return max(self.planned, key=lambda one: one.depth)
