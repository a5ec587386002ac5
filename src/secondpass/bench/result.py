"""What a bench run gives: the facts it depends on, every measurement, and their summaries."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from secondpass.bench.depths import DepthPoint
from secondpass.bench.stages import QueryTimes
from secondpass.bench.workers import Served
from secondpass.facts.machine import Machine
from secondpass.facts.outputs import Outputs
from secondpass.facts.software import Software
from secondpass.report.page import write
from secondpass.stats.percentiles import Summary
from secondpass.types import ModelInfo

SCHEMA = "secondpass/bench/1"
SCHEMA_FILE = Path(__file__).with_name("schema.json")

LoopName = Literal["closed", "open"]


@dataclass(frozen=True, slots=True)
class Setting:
    """What was asked for. `rate_per_second` is None in the closed loop."""

    depth: int
    top_k: int
    queries: int
    warm_up: int
    loop: LoopName
    clients: int
    rate_per_second: float | None
    depths: tuple[int, ...]
    seed: int
    command: str


@dataclass(frozen=True, slots=True)
class DataFacts:
    """What was searched or reranked; `sha256` covers its content, not where it lies."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Lengths:
    """Tokens of `count` candidates, as the reranker's tokenizer counts them, before any cut."""

    count: int
    mean: float
    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class Constraints:
    """What the numbers depend on. The embedder, vectors and dimension are None without an index."""

    machine: Machine
    software: Software
    reranker: ModelInfo
    reranker_bytes: int
    embedder: ModelInfo | None
    vectors: int | None
    dimension: int | None
    queries_from: str
    distinct_queries: int
    candidates_from: str
    data: DataFacts
    candidate_tokens: Lengths


@dataclass(frozen=True, slots=True)
class Start:
    """Milliseconds before the first warm answer: loading both models, then one cold query."""

    embedder_load_ms: float | None
    reranker_load_ms: float
    cold_query: QueryTimes


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `key` is the field of QueryTimes or Served that is summarised."""

    key: str
    label: str
    unit: Literal["ms", "times"]
    summary: Summary


@dataclass(frozen=True, slots=True)
class Used:
    """What the measured queries took of the machine; the peak is since the process began."""

    peak_memory_bytes: int
    cpu_seconds_per_query: float
    queries_per_second: float


@dataclass(frozen=True, slots=True)
class BenchResult:
    """One run. `complete` is False if it was interrupted: then there are fewer measurements."""

    complete: bool
    finished_at: str
    setting: Setting
    constraints: Constraints
    start: Start
    rows: tuple[Row, ...]
    used: Used
    depth_curve: tuple[DepthPoint, ...]
    observed: Outputs
    measured: tuple[Served, ...]

    def row(self, key: str) -> Row | None:
        """Return the row of a key, None where this run has no such stage."""
        return next((row for row in self.rows if row.key == key), None)


def to_json(result: BenchResult) -> dict[str, Any]:
    """Return the result as plain JSON values, described by schema.json."""
    plain = {"schema": SCHEMA} | asdict(result)
    loaded: dict[str, Any] = json.loads(json.dumps(plain))
    return loaded


def write_json(file: str, result: BenchResult) -> None:
    """Write the result, or raise an InputError that names the file."""
    write(file, json.dumps(to_json(result), indent=1, allow_nan=False) + "\n")
