"""What a record holds: where, with what and how something was run, and what came out.

Nothing here computes; the fields' names are those of the JSON.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from secondpass.checks import shortened
from secondpass.environment.machine import Machine, Unknown
from secondpass.environment.software import Software
from secondpass.errors import InputError
from secondpass.result_file import read_result
from secondpass.types import ModelInfo
from secondpass.verify.outputs import Role, StageOutput

Kind = Literal["example", "bench", "eval"]
Processor = Literal["cpu", "gpu", "unknown"]

# A hash in hexadecimal, and the time a record was written at, UTC.
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Time = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
Count = Annotated[int, Meta(ge=0)]

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
    sha256: Sha256


@dataclass(frozen=True, slots=True)
class Vectors:
    """How many vectors were searched, and the numbers in each."""

    count: Count | Unknown
    dimension: Count | Unknown


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
    ms: Annotated[float, Meta(ge=0)]
    samples: Count | Unknown


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run says of itself. `seed` is None where nothing was drawn at random."""

    seed: int | None
    models: tuple[ModelUse, ...]
    data: tuple[DataSource, ...]
    vectors: Vectors | None
    observed: Observed
    latencies: tuple[Latency, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One run, written down by the program that ran it.

    `command` is the exact command line; `arguments` are those that go to the kind's own command
    and run it again. `code_sha256` hashes the source of this package.
    """

    schema: Literal["secondpass/record/1"] = "secondpass/record/1"
    kind: Kind
    command: tuple[str, ...]
    arguments: tuple[str, ...]
    time: Time
    code_sha256: Sha256
    software: Software
    machine: Machine
    backend: Backend
    outcome: Outcome

    def __post_init__(self) -> None:
        """Check that there is something to run and to compare.

        Raises:
            InputError: no model, no stage, a stage without queries, or a name that is there twice.
        """
        stages = self.outcome.observed.stages
        if not self.outcome.models or not stages:
            raise InputError("outcome has no models or no observed stages: nothing was recorded")
        _check_once("model", [use.role for use in self.outcome.models])
        _check_once("data source", [source.name for source in self.outcome.data])
        _check_once("stage", [stage.stage for stage in stages])
        for stage in stages:
            if not stage.queries:
                raise InputError(f"stage {shortened(stage.stage)} has no queries")
            _check_once(f"{stage.stage[:80]} query", [query.query for query in stage.queries])


def _check_once(what: str, names: Sequence[str]) -> None:
    name, count = Counter(names).most_common(1)[0] if names else ("", 1)
    if count > 1:
        raise InputError(f"{what} {shortened(name)} is there {count} times")


def read_record(file: Path) -> Record:
    """Read a record from a file that anyone may have written.

    Raises:
        InputError: it is not a record; the message names the field.
    """
    try:
        return read_result(file, Record, "record")
    except InputError as error:
        raise InputError(f"{error}; write one with 'secondpass verify record'") from None
