"""An evaluation as JSON, described by schema.json beside this file."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from secondpass.evaluation.result import Evaluation
from secondpass.facts.machine import Machine
from secondpass.facts.outputs import Outputs
from secondpass.facts.software import Software

SCHEMA = "secondpass/eval/1"


def to_record(
    evaluation: Evaluation,
    *,
    observed: Outputs,
    machine: Machine,
    software: Software,
    command: str,
    created: str,
) -> dict[str, Any]:
    """Return the evaluation, and what it depends on, as JSON values.

    `command` is what was called, `created` the time in ISO 8601.
    """
    return {
        "schema": SCHEMA,
        "created": created,
        "command": command,
        "machine": asdict(machine),
        "software": asdict(software),
        **asdict(evaluation),
        "observed": asdict(observed),
    }
