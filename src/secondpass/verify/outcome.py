"""The result of a bench or an eval to what a record keeps of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from secondpass.bench.result import BenchResult
from secondpass.errors import InputError
from secondpass.evaluation.result import Evaluation
from secondpass.retrieval.content_hash import content_sha256
from secondpass.stats.summary import Estimate
from secondpass.types import ModelInfo
from secondpass.verify.record import (
    DataSource,
    Latency,
    Measure,
    ModelUse,
    Observed,
    Outcome,
    Vectors,
)


def outcome_of(result: BenchResult | Evaluation, arguments: Sequence[str]) -> Outcome:
    """Return the outcome of a run of a command with these arguments.

    Raises:
        InputError: the run was interrupted, or a file among the arguments cannot be read.
    """
    if not result.complete:
        raise InputError("the run was interrupted: what is incomplete is not recorded")
    if isinstance(result, BenchResult):
        return _of_bench(result, arguments)
    return _of_eval(result, arguments)


def _of_bench(result: BenchResult, arguments: Sequence[str]) -> Outcome:
    constraints = result.constraints
    data = DataSource("data", "made", constraints.data.name, constraints.data.sha256)
    return Outcome(
        seed=result.setting.seed,
        models=_models(constraints.embedder, constraints.reranker),
        data=(*_given_data(arguments), data),
        vectors=_vectors(constraints.vectors, constraints.dimension),
        observed=Observed(result.observed.stages),
        latencies=tuple(
            latency
            for row in result.rows
            if row.unit == "ms"
            for latency in _latencies(
                row.key,
                row.summary.count,
                mean=_value(row.summary.mean),
                P50=_value(row.summary.p50),
                P95=_value(row.summary.p95),
                P99=_value(row.summary.p99),
            )
        ),
    )


def _of_eval(result: Evaluation, arguments: Sequence[str]) -> Outcome:
    collection, latency = result.collection, result.latency
    data = DataSource("collection", "made", collection.name, collection.sha256)
    return Outcome(
        seed=result.seed,
        models=_models(result.embedder, result.model),
        data=(*_given_data(arguments), data),
        vectors=_vectors(result.vectors, result.dimension),
        observed=Observed(
            result.observed.stages,
            tuple(
                measure
                for one in result.comparisons
                for measure in (
                    Measure("first_stage", one.measure, one.first_stage),
                    Measure("reranked", one.measure, one.reranked),
                )
            ),
        ),
        latencies=()
        if latency is None
        else tuple(
            _latencies(
                "rerank",
                latency.queries,
                mean=latency.mean_ms,
                P50=latency.p50_ms,
                P95=latency.p95_ms,
            )
        ),
    )


def _models(embedder: ModelInfo | None, reranker: ModelInfo) -> tuple[ModelUse, ...]:
    """Return the models in the data's order: the last decides what the record runs on."""
    first = () if embedder is None else (ModelUse("bi-encoder", embedder),)
    return (*first, ModelUse("cross-encoder", reranker))


def _vectors(count: int | None, dimension: int | None) -> Vectors | None:
    return None if count is None or dimension is None else Vectors(count, dimension)


def _value(estimate: Estimate | None) -> float | None:
    return None if estimate is None else estimate.value


def _latencies(name: str, samples: int, **statistics: float | None) -> Iterator[Latency]:
    """Yield a latency for each statistic that the samples support."""
    for statistic, ms in statistics.items():
        if ms is not None:
            yield Latency(name, statistic, ms, samples)


def _given_data(arguments: Sequence[str]) -> Iterator[DataSource]:
    """Hash each argument that is a path; a model's folder has its own hash."""
    for name, value in _named(arguments):
        # A first stage is given as "run:FILE".
        path = value.removeprefix("run:")
        if path and name != "model" and Path(path).exists():
            yield DataSource(name, "given", path, content_sha256(Path(path)))


def _named(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each value with the name of its option, or with its place if it has none."""
    option = ""
    for place, argument in enumerate(arguments, start=1):
        if argument.startswith("--"):
            option, equals, value = argument.removeprefix("--").partition("=")
            if equals:
                yield option, value
                option = ""
        else:
            yield option or f"argument {place}", argument
            option = ""
