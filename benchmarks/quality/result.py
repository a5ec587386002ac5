"""What `make quality` found. Nothing here computes; the fields' names are those of the JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from secondpass.environment.machine import Machine
from secondpass.environment.software import Software
from secondpass.types import ModelInfo


@dataclass(frozen=True)
class System:
    """A column of the table. `of` and the weights, those of `Fusion`, say what a fusion is of."""

    label: str
    kind: str
    model: ModelInfo | None = None
    of: str | None = None
    weight: float | None = None
    passage_weight: float | None = None


@dataclass(frozen=True)
class Against:
    """The mean difference to another system over the same queries, with its 95 % interval."""

    label: str
    mean: float
    low: float | None
    high: float | None
    p_value: float | None


@dataclass(frozen=True)
class Row:
    """One system on one collection: `ndcg` holds a value for each query, in their order."""

    label: str
    mean: float
    low: float | None
    high: float | None
    against: tuple[Against, ...]
    score_median: float
    seconds: float | None
    tokens: int | None
    truncated: int | None
    refused: int
    ndcg: tuple[float, ...]


@dataclass(frozen=True)
class CollectionResult:
    name: str
    sha256: str
    candidates_sha256: str
    first_stage: str
    documents: int
    judged_queries: int
    candidates: int
    query_ids: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class MeanRow:
    """The mean of the collections' means, each collection counting the same."""

    label: str
    mean: float
    low: float
    high: float
    against: tuple[Against, ...]


@dataclass(frozen=True)
class GateRow:
    """Two precisions on one collection; tau is Kendall's, the mean over queries."""

    name: str
    fp32: float
    int8: float
    tau_top_10: float | None
    tau_all: float | None


@dataclass(frozen=True)
class Gate:
    """What int8 loses: `difference` is the int8 mean minus the fp32 mean."""

    fp32: str
    int8: str
    difference: float
    low: float
    high: float
    rows: tuple[GateRow, ...]


@dataclass(frozen=True, kw_only=True)
class Quality:
    """The whole answer. `complete` is False while collections are still to come."""

    schema: Literal["secondpass/quality/1"] = "secondpass/quality/1"
    created: str
    command: str
    complete: bool
    missing: tuple[str, ...]
    machine: Machine
    software: Software
    depth: int
    measure: str
    seed: int
    seconds: float
    systems: tuple[System, ...]
    collections: tuple[CollectionResult, ...]
    means: tuple[MeanRow, ...]
    gates: tuple[Gate, ...]
