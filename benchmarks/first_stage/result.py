"""What was measured, and its page."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.pages import setting
from benchmarks.pages import table as markdown_table
from secondpass.environment.machine import Machine
from secondpass.environment.software import Software
from secondpass.stats.percentiles import percentile

# The marker of the page.
MARKER = "first-stage"


@dataclass(frozen=True)
class Case:
    """One table: searches of it in milliseconds, as it is and after `approximate`.

    `held` says that the vectors were in memory. `recall` is the share of the 100 nearest that the
    approximate search finds; it and what follows is None where there is none.
    """

    kind: str
    vectors: int
    write_seconds: float
    held: bool
    exact_ms: tuple[float, ...]
    build_seconds: float | None
    probes: int | None
    partitions: int | None
    recall: float | None
    approximate_ms: tuple[float, ...] | None


@dataclass(frozen=True)
class Result:
    """All tables, the embedding of a query in milliseconds, and what they depend on."""

    created: str
    command: str
    machine: Machine
    software: Software
    embed_ms: tuple[float, ...]
    cases: tuple[Case, ...]


def page(result: Result) -> str:
    """Return the table and what it rests on."""
    basis = setting(result.machine, result.software, "LanceDB", "lancedb")
    return (
        f"{basis}; {result.created[:10]}, "
        f"`{result.command}`.\n\nThe query's embedding takes "
        f"{_ms(result.embed_ms)} ms (P50, P95).\n\n{table(result)}"
    )


def table(result: Result) -> str:
    """Return the table alone."""
    head = ("vectors", "kind", "exact: where", "P50, P95 ms", "approximate: recall@100")
    head += ("P50, P95 ms", "cells of all", "built in s")
    return markdown_table(head, [_row(one) for one in result.cases])


def _row(one: Case) -> tuple[str, ...]:
    where = "in memory" if one.held else "on disk"
    row = (f"{one.vectors:,}", one.kind, where, _ms(one.exact_ms))
    if one.approximate_ms is None or one.recall is None:
        return (*row, "–", "–", "–", "–")
    cells = f"{one.probes} of {one.partitions}"
    return (*row, f"{one.recall:.3f}", _ms(one.approximate_ms), cells, f"{one.build_seconds:.0f}")


def _ms(times: tuple[float, ...]) -> str:
    return f"{percentile(times, 50):.1f}, {percentile(times, 95):.1f}"
