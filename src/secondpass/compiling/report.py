"""A compilation as JSON, described by schema.json beside this file."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from secondpass.compiling.result import Compiled
from secondpass.facts.machine import read_machine
from secondpass.facts.software import read_software

SCHEMA = "secondpass/compile/1"


def to_report(compiled: Compiled, *, command: str) -> dict[str, Any]:
    """Return what was measured and on what it depends, as JSON values.

    Raises:
        MissingExtraError: psutil is not installed.
    """
    values = asdict(compiled)
    for criterion, one in zip(values["criteria"], compiled.criteria, strict=True):
        criterion["met"] = one.met
    return {
        "schema": SCHEMA,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "machine": asdict(read_machine()),
        "software": asdict(read_software()),
        "admitted": not compiled.refused,
        **values,
    }
