"""What an evaluation found. Nothing here computes; the fields' names are those of the JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from secondpass.environment.machine import Machine
from secondpass.environment.software import Software
from secondpass.options.fusion import Fusion
from secondpass.types import ModelInfo
from secondpass.verify.outputs import Outputs

Verdict = Literal["helps", "no evidence that it helps", "hurts"]


@dataclass(frozen=True, slots=True)
class CollectionFacts:
    """What was evaluated on; `sha256` covers documents, evaluated queries and judgements."""

    name: str
    sha256: str
    documents: int
    queries: int
    judgements: int
    highest_grade: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """One measure before and after reranking, as means over the queries.

    `difference` is the mean of after minus before, in the 95 % bootstrap (BCa) interval `low` to
    `high`. `p_value` is that of a two-sided randomization test, `p_holm` after Holm's correction
    for the number of measures that some query changed in.
    """

    measure: str
    first_stage: float
    reranked: float
    difference: float
    low: float | None
    high: float | None
    p_value: float
    p_holm: float
    helped: int
    hurt: int
    unchanged: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class QueryResult:
    """One query's values by measure, as ir_measures writes it.

    `not_reranked` says why it kept the first stage's order.
    """

    query_id: str
    first_stage: Mapping[str, float]
    reranked: Mapping[str, float]
    rerank_ms: float | None
    not_reranked: str | None


@dataclass(frozen=True, slots=True)
class Latency:
    """Wall milliseconds of reranking one query.

    A percentile is a time that was measured; None where the queries are too few for it.
    """

    queries: int
    mean_ms: float
    p50_ms: float | None
    p95_ms: float | None


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Quality by measure, and latency, at one depth; depth 0 is the first stage alone."""

    depth: int
    values: Mapping[str, float]
    latency: Latency | None


@dataclass(frozen=True, slots=True)
class Curve:
    """Quality against depth; `enough_depth` is the smallest within 1 % of the best `measure`."""

    measure: str
    points: tuple[CurvePoint, ...]
    best_depth: int
    enough_depth: int


@dataclass(frozen=True, slots=True)
class ShownDocument:
    """A document of a hurt query; ranks count from 1, `grade` is None where it was not judged."""

    document_id: str
    text: str
    grade: int | None
    first_rank: int
    rank: int


@dataclass(frozen=True, slots=True)
class HurtQuery:
    """A query that reranking made worse: what stands first now, and the best that moved down."""

    query_id: str
    text: str
    first_stage: float
    reranked: float
    now_first: ShownDocument
    relevant: ShownDocument | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The whole answer. `complete` is False where it was interrupted: then fewer queries count.

    `created` is ISO 8601, UTC; `command` is what was called.

    `embedder`, and how many `vectors` of which `dimension` were searched, are None where no dense
    stage found the candidates. `fusion` is what the candidates were ordered by if not by the model
    alone. `states` is how the candidates' states were kept that the model was given, None where it
    read their texts; encoding them is not in the times. `observed` holds the first queries'
    candidates, best first.
    """

    schema: Literal["secondpass/eval/1"] = "secondpass/eval/1"
    created: str
    command: str
    machine: Machine
    software: Software
    complete: bool
    collection: CollectionFacts
    first_stage: str
    embedder: ModelInfo | None
    vectors: int | None
    dimension: int | None
    model: ModelInfo
    fusion: Fusion | None
    depth: int
    seed: int
    comparisons: tuple[Comparison, ...]
    latency: Latency | None
    curve: Curve | None
    most_hurt: tuple[HurtQuery, ...]
    queries: tuple[QueryResult, ...]
    notes: tuple[str, ...]
    observed: Outputs
    states: Literal["int8", "float16", "compact"] | None = None
