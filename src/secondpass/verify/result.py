"""The JSON that bench and eval write, read as an outcome.

Every part is found by its name and left out where the result has none, so a result may grow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from secondpass.errors import InputError
from secondpass.facts.machine import UNKNOWN
from secondpass.facts.outputs import RankedQuery, Role, StageOutput
from secondpass.retrieval.content_hash import content_sha256
from secondpass.types import ModelInfo
from secondpass.verify.record import (
    DataSource,
    Kind,
    Latency,
    Measure,
    ModelUse,
    Observed,
    Outcome,
    Vectors,
)

Result = Mapping[str, Any]

# What a result calls the model -> what the model was used for.
_ROLES: dict[str, Role] = {
    "embedder": "bi-encoder",
    "model": "cross-encoder",
    "reranker": "cross-encoder",
}

_STATISTICS = ("mean", "p50", "p95", "p99")

# The order of a record's models: the last is the one that decides what the record runs on.
_ROLE_ORDER: tuple[Role, ...] = ("bi-encoder", "cross-encoder")


def read_outcome(kind: Kind, result: Result, arguments: Sequence[str]) -> Outcome:
    """Return the outcome in a result that was made with these arguments.

    Raises:
        InputError: the run was interrupted, or the result is another kind's.
    """
    schema = result.get("schema")
    if schema != f"secondpass/{kind}/1":
        raise InputError(f"the result has schema {schema!r}, expected 'secondpass/{kind}/1'")
    if result.get("complete") is False:
        raise InputError(f"the {kind} was interrupted: what is incomplete is not recorded")
    models = sorted(_models(result), key=lambda use: _ROLE_ORDER.index(use.role))
    return Outcome(
        seed=_first(result, "seed"),
        models=tuple(models),
        data=(*_given_data(arguments), *_made_data(result)),
        vectors=_vectors(result),
        observed=Observed(tuple(_stages(result)), tuple(_measures(result))),
        latencies=tuple(_latencies(result)),
    )


def _objects(value: Any) -> Iterator[Result]:
    """Yield an object and every object in it, the outer ones first; lists are not entered."""
    if isinstance(value, Mapping):
        yield value
        for inner in value.values():
            yield from _objects(inner)


def _first(result: Result, name: str) -> Any:
    return next((found[name] for found in _objects(result) if name in found), None)


def _models(result: Result) -> Iterator[ModelUse]:
    names = [field.name for field in fields(ModelInfo)]
    for holder in _objects(result):
        for key, role in _ROLES.items():
            value = holder.get(key)
            if isinstance(value, Mapping) and "weights_sha256" in value:
                yield ModelUse(role, ModelInfo(**{n: value.get(n, UNKNOWN) for n in names}))


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
    for at, argument in enumerate(arguments, start=1):
        if argument.startswith("--"):
            option, equals, value = argument.removeprefix("--").partition("=")
            if equals:
                yield option, value
                option = ""
        else:
            yield option or f"argument {at}", argument
            option = ""


def _made_data(result: Result) -> Iterator[DataSource]:
    """Yield what the result itself says of data: objects with a `name` and a `sha256`."""
    for holder in _objects(result):
        for key, value in holder.items():
            if isinstance(value, Mapping) and {"name", "sha256"} <= value.keys():
                yield DataSource(key, "made", str(value["name"]), value["sha256"])


def _vectors(result: Result) -> Vectors | None:
    count = _first(result, "vectors")
    if isinstance(count, Mapping):
        return Vectors(count.get("count", UNKNOWN), count.get("dimension", UNKNOWN))
    if count is None:
        return None
    dimension = _first(result, "dimension")
    return Vectors(count, UNKNOWN if dimension is None else dimension)


def _stages(result: Result) -> Iterator[StageOutput]:
    """Read `observed.stages`, whose objects have the fields of StageOutput."""
    for stage in (result.get("observed") or {}).get("stages", ()):
        queries = tuple(
            RankedQuery(str(one["query"]), tuple(one["ids"]), tuple(one["scores"]))
            for one in stage["queries"]
        )
        yield StageOutput(**{**stage, "queries": queries})


def _measures(result: Result) -> Iterator[Measure]:
    """Read `comparisons`, or numbers under `measures` named by stage and measure."""
    for one in result.get("comparisons", ()):
        for stage in ("first_stage", "reranked"):
            yield Measure(stage, one["measure"], float(one[stage]))
    for path, value in _numbers(result.get("measures", {})):
        yield Measure(" ".join(path[:-1]) or "all", path[-1], value)


def _latencies(result: Result) -> Iterator[Latency]:
    """Read table `rows` in milliseconds, one `latency`, or numbers under `latencies`."""
    for row in result.get("rows", ()):
        if row.get("unit") == "ms":
            yield from _summary(row.get("key") or row["label"], row["summary"])
    if isinstance(result.get("latency"), Mapping):
        yield from _summary("rerank", result["latency"])
    for path, value in _numbers(result.get("latencies", {})):
        name, statistic = " ".join(path[:-1]) or path[-1], path[-1].removesuffix("_ms")
        yield Latency(name, statistic, value, UNKNOWN)


def _summary(name: str, summary: Result) -> Iterator[Latency]:
    samples = next(
        (summary[key] for key in ("count", "queries", "samples") if key in summary), UNKNOWN
    )
    for statistic in _STATISTICS:
        value = summary.get(statistic, summary.get(f"{statistic}_ms"))
        value = value.get("value") if isinstance(value, Mapping) else value
        if isinstance(value, int | float):
            yield Latency(
                name, statistic.upper() if statistic != "mean" else "mean", value, samples
            )


def _numbers(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], float]]:
    """Yield each number in nested objects with the names that lead to it."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _numbers(inner, (*path, key))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path, float(value)
