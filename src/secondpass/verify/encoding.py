"""A record to JSON and back. What is read is checked: its shape, its fields and their seals."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from secondpass.errors import InputError
from secondpass.facts.machine import Machine
from secondpass.facts.outputs import RankedQuery, StageOutput
from secondpass.facts.software import Software
from secondpass.types import ModelInfo
from secondpass.utf8 import read_text
from secondpass.verify.record import (
    Backend,
    DataSource,
    Latency,
    Measure,
    ModelUse,
    Observed,
    Outcome,
    Record,
    Vectors,
)
from secondpass.verify.schema import first_fault
from secondpass.verify.seals import broken_seals, seals_of


def encode(record: Record) -> str:
    """Return a record as JSON text, each field sealed."""
    plain = asdict(record)
    fields: dict[str, Any] = {"schema": plain.pop("schema")} | plain
    # Tuples become the lists that a reader will see before they are sealed.
    fields = json.loads(json.dumps(fields, allow_nan=False))
    sealed = fields | {"seals": seals_of(fields)}
    return json.dumps(sealed, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def read_record(file: Path) -> Record:
    """Read a record from a file.

    Raises:
        InputError: the file cannot be read, is no JSON, does not follow the schema, or a field was
            changed after it was written; the message names the field.
        MissingExtraError: jsonschema is not installed.
    """
    return decode(read_text(file), f"record {file}")


def decode(text: str, name: str) -> Record:
    """Return the record in a JSON text; `name` is for messages. Raises as `read_record`."""
    try:
        fields = json.loads(text, parse_constant=_no_number)
    except ValueError as error:
        raise InputError(f"{name} is no JSON: {error}") from None
    fault = first_fault(fields, "schema.json")
    if fault:
        raise InputError(f"{name}: {fault}; write a new one with 'secondpass verify record'")
    changed = broken_seals({key: fields[key] for key in fields if key != "seals"}, fields["seals"])
    if changed:
        raise InputError(
            f"{name}: {', '.join(changed)} was changed after the record was written; write a new "
            "one with 'secondpass verify record'"
        )
    return _record(fields)


def _no_number(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON number")


def _record(fields: Mapping[str, Any]) -> Record:
    machine = dict(fields["machine"])
    if isinstance(machine["processor_flags"], list):
        machine["processor_flags"] = tuple(machine["processor_flags"])
    return Record(
        schema=fields["schema"],
        kind=fields["kind"],
        command=tuple(fields["command"]),
        arguments=tuple(fields["arguments"]),
        time=fields["time"],
        code_sha256=fields["code_sha256"],
        software=Software(**fields["software"]),
        machine=Machine(**machine),
        backend=Backend(**fields["backend"]),
        outcome=_outcome(fields["outcome"]),
    )


def _outcome(fields: Mapping[str, Any]) -> Outcome:
    observed = fields["observed"]
    return Outcome(
        seed=fields["seed"],
        models=tuple(ModelUse(use["role"], ModelInfo(**use["info"])) for use in fields["models"]),
        data=tuple(DataSource(**source) for source in fields["data"]),
        vectors=None if fields["vectors"] is None else Vectors(**fields["vectors"]),
        observed=Observed(
            stages=tuple(_stage(stage) for stage in observed["stages"]),
            measures=tuple(Measure(**measure) for measure in observed["measures"]),
        ),
        latencies=tuple(Latency(**latency) for latency in fields["latencies"]),
    )


def _stage(fields: Mapping[str, Any]) -> StageOutput:
    queries = tuple(
        RankedQuery(one["query"], tuple(one["ids"]), tuple(one["scores"]))
        for one in fields["queries"]
    )
    return StageOutput(**{**fields, "queries": queries})
