"""What a compilation measured, and whether it was admitted.

Nothing here computes; the fields' names are those of the JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from secondpass.environment.machine import Machine
from secondpass.environment.software import Software
from secondpass.types import ModelInfo


@dataclass(frozen=True, slots=True)
class Calibration:
    """The text behind the scales: where it is from, its hash, how many rows; and what set them.

    `rows` is 0 where the weights alone are int8: no text set their scales, it only compared.
    """

    source: str
    sha256: str
    rows: int
    quantizer: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """How alike two precisions rank: each query ranks all texts, and means are over queries.

    Kendall's tau-b of the logits, over all texts and over the ten best of fp32. `top10_shared` is
    the share of fp32's ten best that are among int8's. `largest_difference` is of two logits.
    """

    queries: int
    texts: int
    tau: float
    lowest_tau: float
    top10_tau: float
    lowest_top10_tau: float
    top10_shared: float
    largest_difference: float


@dataclass(frozen=True, slots=True)
class Speed:
    """Medians of interleaved rounds of one rerank each, in milliseconds.

    `auto_ms` is the median of the source at "auto", what one has without int8, where the processor
    computes it in less than float32; else None, for it is fp32's. `speedup` is the median of the
    source at "auto" over int8's, `speedup_over_fp32` that of fp32 over int8's.
    """

    rounds: int
    texts: int
    fp32_ms: float
    int8_ms: float
    auto_ms: float | None
    speedup: float
    speedup_over_fp32: float


@dataclass(frozen=True, slots=True)
class Bytes:
    """The same number of bytes at both precisions."""

    fp32: int
    int8: int


@dataclass(frozen=True, slots=True)
class Quality:
    """A measure over the judged queries of a collection; BM25's top is reranked.

    `low` and `high` bound int8 minus fp32 by a 95 % bootstrap interval, None for a single query.
    """

    collection: str
    sha256: str
    queries: int
    depth: int
    measure: str
    fp32: float
    int8: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing that decides: it is `met` where `value` is at least `limit`.

    `way_out` is for the refused.
    """

    what: str
    value: float
    limit: float
    met: bool
    way_out: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """One compilation, `admitted` where every criterion is met.

    `folder` is None where it was refused and nothing was written. `created` is ISO 8601, UTC.

    `source` is the model at fp32, `model` what was compiled, `memory` the peaks of one process each
    that loads the model and reranks once.
    """

    schema: Literal["secondpass/compile/1"] = "secondpass/compile/1"
    created: str
    command: str
    machine: Machine
    software: Software
    admitted: bool
    folder: str | None
    source: ModelInfo
    model: ModelInfo
    calibration: Calibration
    agreement: Agreement
    quality: Quality | None
    speed: Speed
    size: Bytes
    memory: Bytes
    criteria: tuple[Criterion, ...]

    @property
    def refused(self) -> tuple[Criterion, ...]:
        """Return the criteria that were not met."""
        return tuple(one for one in self.criteria if not one.met)
