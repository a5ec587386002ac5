"""What a bench run gives: the facts it depends on, every measurement, and their summaries.

Nothing here computes; the fields' names are those of the JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from secondpass.environment.machine import Machine
from secondpass.environment.software import Software
from secondpass.options.effort import Effort
from secondpass.stats.summary import Summary
from secondpass.types import ModelInfo
from secondpass.verify.outputs import Outputs

LoopName = Literal["closed", "open"]


@dataclass(frozen=True, slots=True)
class Setting:
    """What was asked for. At most `clients` queries are in progress.

    `rate_per_second` counts arrivals and is None in the closed loop. `states` is how states of the
    candidates were made, None where those of the index are used, if it keeps any.
    """

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
    states: Literal["int8", "float16", "compact"] | None = None


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
class QueryTimes:
    """Wall milliseconds of one query by stage; the first three are None without a dense stage.

    `dense_ms` is embedding and search, `rerank_ms` the whole rerank, so at least its four stages,
    `pipeline_ms` all of it.
    """

    embed_ms: float | None
    search_ms: float | None
    dense_ms: float | None
    tokenize_ms: float
    batch_ms: float
    infer_ms: float
    rank_ms: float
    rerank_ms: float
    pipeline_ms: float
    candidates: int
    tokens: int
    truncated: int


@dataclass(frozen=True, slots=True)
class Served:
    """One query and its times; `wait_ms` and `response_ms` count from the intended arrival."""

    number: int
    wait_ms: float
    response_ms: float
    times: QueryTimes


@dataclass(frozen=True, slots=True)
class DepthPoint:
    """Rerank milliseconds at one depth; `candidates` is the mean number that were really there."""

    depth: int
    candidates: float
    rerank_ms: Summary


@dataclass(frozen=True, slots=True)
class EffortPoint:
    """Rerank milliseconds at one effort where candidates bring states; both counts are means."""

    effort: Effort
    candidates: float
    from_states: float
    rerank_ms: Summary


@dataclass(frozen=True, slots=True)
class Start:
    """Milliseconds before the first warm answer: loading both models, then one cold query."""

    embedder_load_ms: float | None
    reranker_load_ms: float
    cold_query: QueryTimes


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `key` is the field of QueryTimes or Served that is summarized."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchResult:
    """One run. `complete` is False if it was interrupted: then there are fewer measurements.

    `finished_at` is ISO 8601, UTC. `rows` are the table: each stage, both together, their ratio.
    `from_states` is empty where no candidate brought states.
    `observed` holds the first queries' candidates, best first, and nothing of a run that was
    interrupted; `measured` every measurement, in the order in which the queries were asked.
    """

    schema: Literal["secondpass/bench/1"] = "secondpass/bench/1"
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
    from_states: tuple[EffortPoint, ...] = ()

    def row(self, key: str) -> Row | None:
        """Return the row of a key, None where this run has no such stage."""
        return next((row for row in self.rows if row.key == key), None)
