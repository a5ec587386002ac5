"""What was measured, and its page."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.pages import setting
from benchmarks.pages import table as markdown_table
from secondpass.environment.machine import Machine
from secondpass.environment.software import Software

# The marker of the page.
MARKER = "memory"


@dataclass(frozen=True)
class Call:
    """One call in a process of its own: peaks of that process after loading, and at the end."""

    effort: str
    candidates: int
    tokens: int
    seconds: float
    loaded_bytes: int
    peak_bytes: int


@dataclass(frozen=True)
class Result:
    """All calls, and what they depend on."""

    created: str
    command: str
    machine: Machine
    software: Software
    calls: tuple[Call, ...]


def page(result: Result) -> str:
    """Return the table and what it rests on."""
    basis = setting(result.machine, result.software, "OpenVINO", "openvino")
    return f"{basis}; {result.created[:10]}, `{result.command}`.\n\n{table(result)}"


def table(result: Result) -> str:
    """Return the table alone; the last column is beside the fewest candidates at this effort."""
    fewest = {one.effort: one for one in sorted(result.calls, key=lambda one: -one.candidates)}
    head = ("effort", "candidates", "tokens a candidate", "peak after loading", "peak", "more")
    rows = []
    for one in result.calls:
        more = one.peak_bytes - fewest[one.effort].peak_bytes
        rows.append(
            (
                one.effort,
                f"{one.candidates:,}",
                f"{one.tokens / one.candidates:.0f}",
                f"{one.loaded_bytes / 1e6:.0f} MB",
                f"{one.peak_bytes / 1e6:.0f} MB",
                "" if one is fewest[one.effort] else f"{more / 1e6:+.0f} MB",
            )
        )
    return markdown_table(head, rows)
