"""What a record holds: where, with what and how something was run, and what came out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from secondpass.facts.machine import Machine, Unknown
from secondpass.facts.outputs import Role, StageOutput
from secondpass.facts.software import Software
from secondpass.types import ModelInfo

SCHEMA = "secondpass/record/1"

Kind = Literal["example", "bench", "eval"]
Processor = Literal["cpu", "gpu", "unknown"]

# Where data lies: in this package, where the caller's arguments say, or made by the run itself.
Origin = Literal["package", "given", "made"]


@dataclass(frozen=True, slots=True)
class Backend:
    """What computes: the sort of processor, the device's own name, the engine and its version."""

    processor: Processor
    device: str
    engine: str


@dataclass(frozen=True, slots=True)
class ModelUse:
    """A loaded model and what it was used for."""

    role: Role
    info: ModelInfo


@dataclass(frozen=True, slots=True)
class DataSource:
    """A file, folder or index that was read. `name` says what for, `sha256` hashes its content."""

    name: str
    origin: Origin
    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Vectors:
    """How many vectors were searched, and the numbers in each."""

    count: int | Unknown
    dimension: int | Unknown


@dataclass(frozen=True, slots=True)
class Measure:
    """The mean of a quality measure over the queries, such as nDCG@10."""

    stage: str
    measure: str
    mean: float


@dataclass(frozen=True, slots=True)
class Observed:
    """What came out, without times."""

    stages: tuple[StageOutput, ...] = ()
    measures: tuple[Measure, ...] = ()


@dataclass(frozen=True, slots=True)
class Latency:
    """One latency in milliseconds: of what, which statistic of it, over how many samples."""

    name: str
    statistic: str
    ms: float
    samples: int | Unknown


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run says of itself. `seed` is None where nothing was drawn at random."""

    seed: int | None
    models: tuple[ModelUse, ...]
    data: tuple[DataSource, ...]
    vectors: Vectors | None
    observed: Observed
    latencies: tuple[Latency, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """One run, written down by the program that ran it.

    `command` is the exact command line; `arguments` are those that go to the kind's own command
    and run it again. `code_sha256` hashes the source of this package.
    """

    kind: Kind
    command: tuple[str, ...]
    arguments: tuple[str, ...]
    time: str
    code_sha256: str
    software: Software
    machine: Machine
    backend: Backend
    outcome: Outcome
    schema: str = field(default=SCHEMA)
