"""What was timed, how far the answers are apart, and the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Literal

from benchmarks.pages import table
from secondpass.environment.machine import Machine
from secondpass.environment.software import Software

MARKER = "drop-in speed"


@dataclass(frozen=True)
class Row:
    """One contestant: milliseconds of each round, and the largest difference of a score from the
    first row's.
    """

    name: str
    label: str
    detail: str
    ms: tuple[float, ...]
    difference: float


@dataclass(frozen=True)
class Timed:
    """The rows of one kind of texts, and the mean tokens of a pair."""

    kind: str
    tokens_mean: float
    rows: tuple[Row, ...]


@dataclass(frozen=True, kw_only=True)
class Result:
    """All kinds of texts, and what they depend on."""

    schema: Literal["secondpass/drop_in/1"] = "secondpass/drop_in/1"
    created: str
    command: str
    machine: Machine
    software: Software
    model: str
    weights_sha256: str
    depth: int
    seed: int
    kinds: tuple[Timed, ...]


def pages(result: Result) -> Mapping[str, str]:
    """Return the table and what it rests on, under its marker."""
    machine = result.machine
    rounds = len(result.kinds[0].rows[0].ms)
    return {
        MARKER: (
            f"One call of `rank` with {result.depth} candidates, {rounds} interleaved rounds, "
            f"weights {result.model} (sha256 {result.weights_sha256[:16]}) in float32; "
            f"{machine.processor} ({' '.join(machine.processor_flags)}), {machine.cores_usable} "
            f"cores; {result.created[:10]}, `{result.command}`.\n\n{_table(result)}"
        )
    }


def _table(result: Result) -> str:
    head = (
        "texts",
        "script",
        "ms a call",
        "times as fast as the first",
        "largest difference of a score",
    )
    return table(head, _cells(result))


def _cells(result: Result) -> Iterator[tuple[str, ...]]:
    for kind in result.kinds:
        first = kind.rows[0]
        for row in kind.rows:
            detail = f" ({row.detail})" if row.detail else ""
            yield (
                f"{kind.kind}, {kind.tokens_mean:.0f} tokens a pair",
                f"{row.label}{detail}",
                f"{median(row.ms):,.0f} ({min(row.ms):,.0f} to {max(row.ms):,.0f})",
                "–" if row is first else _faster(first, row),
                "–" if row is first else f"{row.difference:.1e}",
            )


def _faster(first: Row, row: Row) -> str:
    """Say how many times as fast a row is, compared round by round."""
    ratios = [theirs / mine for theirs, mine in zip(first.ms, row.ms, strict=True)]
    return f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
