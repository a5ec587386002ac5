"""Running a record's kind again, and the check that this gives the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from secondpass.errors import InputError, ModelError, SecondpassError
from secondpass.models.folder import find_folder
from secondpass.models.spec import read_bi_encoder_spec, read_cross_encoder_spec
from secondpass.retrieval.content_hash import content_sha256
from secondpass.verify.check_lines import HASH_SHOWN, Line, failures, same_hash
from secondpass.verify.compare import compare
from secondpass.verify.record import DataSource, Kind, ModelUse, Outcome, Record
from secondpass.verify.recording import make_record

_PACKAGE_PARENT = Path(__file__).parent.parent.parent

_SPECS = {"bi-encoder": read_bi_encoder_spec, "cross-encoder": read_cross_encoder_spec}


class Rerun(Protocol):
    """Runs one kind with the arguments of its command, and says what came out."""

    def __call__(self, arguments: tuple[str, ...]) -> Outcome:
        """Run it now, here."""
        ...


Reruns = Mapping[Kind, Rerun]


@dataclass(frozen=True, slots=True)
class Check:
    """The lines of a check. `ran` is False where model or data were not there to run it."""

    lines: tuple[Line, ...]
    ran: bool

    @property
    def confirmed(self) -> bool:
        """Tell whether everything that decides is the same or within tolerance."""
        return self.ran and not failures(self.lines)


def check(record: Record, reruns: Reruns) -> Check:
    """Run a record again and compare. Nothing is run where its model or data are other ones."""
    before = list(check_before(record))
    if failures(before):
        return Check(tuple(before), ran=False)
    try:
        outcome = reruns[record.kind](record.arguments)
    except SecondpassError as error:
        failed = Line(record.kind, "missing", "ran", "did not run", str(error), decides=True)
        return Check((*before, failed), ran=False)
    here = make_record(record.kind, outcome, command=record.command, arguments=record.arguments)
    return Check(tuple(compare(record, here)), ran=True)


def check_before(record: Record) -> Iterator[Line]:
    """Yield a line for each model and each given file, before anything is run."""
    for use in record.outcome.models:
        yield _check_model(use)
    for source in record.outcome.data:
        if source.origin != "made":
            yield _check_source(source)


def _check_model(use: ModelUse) -> Line:
    what, there = f"{use.role}: weights", use.info.weights_sha256
    try:
        # No revision: the command will not ask for one either.
        now = _SPECS[use.role](find_folder(use.info.name)).weights_sha256
    except ModelError as error:
        return Line(what, "missing", there[:HASH_SHOWN], "-", str(error), decides=True)
    return same_hash(what, there, now, why=f"{use.info.name} has another hash here")


def _check_source(source: DataSource) -> Line:
    path = _PACKAGE_PARENT / source.path if source.origin == "package" else Path(source.path)
    try:
        now = content_sha256(path)
    except (InputError, OSError) as error:
        return Line(source.name, "missing", source.sha256[:HASH_SHOWN], "-", str(error), True)
    why = f"{source.path} has another content here"
    return same_hash(source.name, source.sha256, now, why=why)
