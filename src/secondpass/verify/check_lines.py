"""One line of a check: its verdict, and whether it can fail the check."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from secondpass.environment.machine import UNKNOWN
from secondpass.verify.record import Kind

# "shown" is for what changes from one moment to the next, such as a time: it is not judged.
Verdict = Literal["same", "within tolerance", "different", "not comparable", "missing", "shown"]

# Characters of a hash that are shown; whole hashes are compared.
HASH_SHOWN = 12

CONFIRMING: frozenset[Verdict] = frozenset({"same", "within tolerance"})


@dataclass(frozen=True, slots=True)
class Line:
    """One thing compared: its value in the record and here, and why the verdict is what it is.

    Only where `decides` is set can the line fail the check.
    """

    what: str
    verdict: Verdict
    recorded: str
    here: str
    why: str = ""
    decides: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """What `secondpass verify check` prints into a pipe.

    `record` is the record's file as it was given. `ran` is False where the model or the data were
    not there to run it. It is `confirmed` where every line that decides is the same or within
    tolerance: the exit status is 0 then, else 1.
    """

    schema: Literal["secondpass/check/1"] = "secondpass/check/1"
    record: str
    kind: Kind
    recorded_at: str
    ran: bool
    confirmed: bool
    conclusion: str
    lines: tuple[Line, ...]


def same_or_different(
    what: str, recorded: object, here: object, *, decides: bool = False, why: str = ""
) -> Line:
    """Compare two values by what they print as. What is unknown on a side is not comparable."""
    there, now = str(recorded), str(here)
    if UNKNOWN in (there, now):
        return Line(what, "not comparable", there, now, "it could not be read", decides)
    verdict: Verdict = "same" if there == now else "different"
    return Line(what, verdict, there, now, "" if there == now else why, decides)


def same_hash(what: str, recorded: str, here: str, *, why: str = "", decides: bool = True) -> Line:
    """Compare two whole hashes and show the beginning of each."""
    line = same_or_different(what, recorded, here, decides=decides, why=why)
    return replace(line, recorded=recorded[:HASH_SHOWN], here=here[:HASH_SHOWN])


def not_recorded(what: str, here: str) -> Line:
    """Return the line of what the run gives and the record lacks: a check fails by it."""
    return Line(what, "missing", "-", here, "the record does not have it", decides=True)


def failures(lines: Iterable[Line]) -> list[Line]:
    """Return the lines that keep a record from being confirmed."""
    return [line for line in lines if line.decides and line.verdict not in CONFIRMING]
