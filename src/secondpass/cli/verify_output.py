"""A check for a person and for a pipe."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from secondpass.cli import output

if TYPE_CHECKING:
    from secondpass.verify.check_lines import CheckReport, Line
    from secondpass.verify.record import Record
    from secondpass.verify.rerun import Check


def print_check(recorded: Record, checked: Check) -> None:
    """Print one row for each line; those that decide are marked, and the conclusion comes last."""
    output.show(f"{recorded.kind}, recorded {recorded.time}: {shlex.join(recorded.command)}")
    output.print_table(
        ("", "verdict", "what", "recorded → here"),
        [
            ("*" if line.decides else "", line.verdict, line.what, _values(line))
            for line in checked.lines
        ],
        caption="* decides",
    )
    output.show(conclusion(checked))


def conclusion(checked: Check) -> str:
    """Return the last line: confirmed, or each thing that kept it from being so."""
    from secondpass.verify.check_lines import failures

    if checked.confirmed:
        deciding = sum(line.decides for line in checked.lines)
        return f"confirmed: all {deciding} lines that decide are the same or within tolerance"
    failed = failures(checked.lines)
    why = "; ".join(
        f"{line.what} {line.verdict}" + (f" ({line.why})" if line.why else "") for line in failed
    )
    return f"not confirmed{'' if checked.ran else ', and not run'}: {why}"


def check_report(file: str, recorded: Record, checked: Check) -> CheckReport:
    """Return the check as it is printed into a pipe."""
    from secondpass.verify.check_lines import CheckReport

    return CheckReport(
        record=file,
        kind=recorded.kind,
        recorded_at=recorded.time,
        ran=checked.ran,
        confirmed=checked.confirmed,
        conclusion=conclusion(checked),
        lines=checked.lines,
    )


def _values(line: Line) -> str:
    """Return both values, or the one where there is but one, and why the verdict is as it is."""
    same = line.recorded == line.here
    values = line.recorded if same else f"{line.recorded} → {line.here}"
    return f"{values}  ({line.why})" if line.why else values
