"""What an examination found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# What schema.json beside this file describes.
SCHEMA = "secondpass/doctor/1"

Verdict = Literal["passed", "failed", "not checked"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's outcome: what was measured, what it had to be, and what to do if it is not.

    Where nothing could be measured the verdict is "not checked" and `measured` says why.
    """

    verdict: Verdict
    measured: str
    limit: str = ""
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """A finding under its name."""

    name: str
    verdict: Verdict
    measured: str
    limit: str
    advice: str


@dataclass(frozen=True, slots=True)
class Examination:
    """All checks of a model. `precision` and `arithmetic` are None where it does not load."""

    model: str
    revision: str | None
    architecture: str | None
    precision: str | None
    arithmetic: str | None
    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[Check, ...]:
        """Return the checks that failed; a model with none is sound as far as it was checked."""
        return tuple(check for check in self.checks if check.verdict == "failed")


def judged(ok: bool, measured: str, *, limit: str, advice: str) -> Finding:
    """Return a finding that passed or failed; the advice is for those that failed."""
    return Finding("passed" if ok else "failed", measured, limit, "" if ok else advice)


def not_checked(reason: str, advice: str = "") -> Finding:
    """Return a finding of a check that could not be made."""
    return Finding("not checked", reason, advice=advice)
