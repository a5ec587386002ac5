"""What `make quality` found. Nothing here computes; the fields' names are those of the JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from secondpass.atomic import write_text

SCHEMA = "secondpass/quality/1"


@dataclass(frozen=True)
class System:
    """A column of the table. `of` and `weight` say what a fusion is of."""

    label: str
    kind: str
    model: Mapping[str, Any] | None = None
    of: str | None = None
    weight: float | None = None


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
    """The int8 gate: `difference` is the int8 mean minus the fp32 mean."""

    fp32: str
    int8: str
    difference: float
    low: float
    high: float
    rows: tuple[GateRow, ...]


@dataclass(frozen=True)
class Calibration:
    """How far sigmoid(logit) is from the share of relevant candidates."""

    label: str
    collection: str
    error: float
    mean_probability: float
    relevant_share: float
    pairs: int


@dataclass(frozen=True)
class FusionWeight:
    """A fusion at one weight: its mean, and its collection furthest under the better first."""

    label: str
    weight: float
    mean: float
    worst_margin: float
    worst: str
    means: Mapping[str, float]


@dataclass(frozen=True)
class HeldOut:
    """A fusion where each collection has the weight that is best for the mean of the others."""

    label: str
    mean: float
    weights: Mapping[str, float]


@dataclass(frozen=True)
class Bar:
    """One bar of the issue for one system."""

    bar: str
    label: str
    found: str
    met: bool


@dataclass(frozen=True)
class Quality:
    """The whole answer. `complete` is False while collections are still to come."""

    schema: str
    created: str
    command: str
    complete: bool
    missing: tuple[str, ...]
    machine: Mapping[str, Any]
    software: Mapping[str, Any]
    depth: int
    measure: str
    seed: int
    seconds: float
    systems: tuple[System, ...]
    collections: tuple[CollectionResult, ...]
    means: tuple[MeanRow, ...]
    bars: tuple[Bar, ...]
    gates: tuple[Gate, ...]
    calibration: tuple[Calibration, ...]
    fusion_weights: tuple[FusionWeight, ...]
    held_out: tuple[HeldOut, ...]


def write_result(result: Quality, file: Path) -> None:
    """Write it whole or not at all."""
    text = json.dumps(_rounded(asdict(result)), indent=1, allow_nan=False)
    write_text(file, _LIST.sub(_on_one_line, text) + "\n")


def read_result(file: Path) -> Quality:
    """Read what `write_result` wrote."""
    fields = json.loads(file.read_text())
    if fields.get("schema") != SCHEMA:
        raise SystemExit(f"{file} has the schema {fields.get('schema')!r}, expected {SCHEMA!r}")
    found: Quality = _decode(Quality, fields)
    return found


# A list of plain values; inside a JSON string there is no line break.
_LIST = re.compile(r"\[\n\s+([^\[\]{}]+?)\n\s+\]")


def _on_one_line(found: re.Match[str]) -> str:
    """A line for each of thousands of numbers would make every change unreadable."""
    values = re.sub(r",\n +", ", ", found[1])
    return f"[{values}]"


def _rounded(value: Any) -> Any:
    """Six decimals are beyond what any measure here tells, and a third of the file."""
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list | tuple) else value


def _decode(kind: Any, value: Any) -> Any:
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{name: _decode(hints[name], one) for name, one in value.items()})
    if get_origin(kind) is tuple:
        return tuple(_decode(get_args(kind)[0], one) for one in value)
    if NoneType in get_args(kind):
        return value if value is None else _decode(get_args(kind)[0], value)
    return value
