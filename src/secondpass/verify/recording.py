"""An outcome to a record: adds where and when. Every field is read, none is taken from a caller."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from secondpass.environment.machine import UNKNOWN, read_machine
from secondpass.environment.software import read_software
from secondpass.retrieval.content_hash import files_in_sha256
from secondpass.verify.record import Backend, Kind, ModelUse, Outcome, Processor, Record

_PACKAGE = Path(__file__).parent.parent

# A device's name without its number, as OpenVINO or torch says it -> the sort of processor.
_PROCESSORS: dict[str, Processor] = {"cpu": "cpu", "gpu": "gpu", "cuda": "gpu", "mps": "gpu"}


def make_record(
    kind: Kind, outcome: Outcome, *, command: Sequence[str], arguments: Sequence[str]
) -> Record:
    """Return the record of a run that has just ended in this process.

    Raises:
        MissingExtraError: psutil is not installed.
    """
    return Record(
        kind=kind,
        command=tuple(command),
        arguments=tuple(arguments),
        time=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        code_sha256=code_sha256(),
        software=read_software(),
        machine=read_machine(),
        backend=read_backend(outcome.models),
        outcome=outcome,
    )


def code_sha256() -> str:
    """Return a hash of this package's Python files, as they are now."""
    return files_in_sha256(_PACKAGE, "*.py")


def read_backend(models: Sequence[ModelUse]) -> Backend:
    """Return what the last stage's model runs on."""
    if not models:
        return Backend(UNKNOWN, UNKNOWN, UNKNOWN)
    last = models[-1].info
    family = last.device.lower().partition(":")[0].partition(".")[0]
    return Backend(_PROCESSORS.get(family, UNKNOWN), last.device, last.engine)
