"""What an examination found. Nothing here computes; the fields' names are those of the JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

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
    """A finding under its name: where not checked `measured` says why; `advice` if it failed."""

    name: str
    verdict: Verdict
    measured: str
    limit: str
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """All checks of a model. `precision` and `arithmetic` are None where it does not load.

    It is `sound` where no check failed: the exit status is 0 then, else 1.
    """

    schema: Literal["secondpass/doctor/1"] = "secondpass/doctor/1"
    model: str
    revision: str | None
    architecture: str | None
    precision: str | None
    arithmetic: str | None
    checks: tuple[Check, ...]
    sound: bool
    conclusion: str

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


def conclusion(model: str, checks: Sequence[Check]) -> str:
    """Say in one line whether the model can be trusted, and what nobody looked at."""
    counts = dict.fromkeys(("passed", "failed", "not checked"), 0)
    for check in checks:
        counts[check.verdict] += 1
    said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    return f"{model}: {'do not trust it' if counts['failed'] else 'no fault found'} ({said})"
