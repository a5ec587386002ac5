"""What was measured, and its page."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.pages import setting
from benchmarks.pages import table as markdown_table
from secondpass.environment.machine import Machine
from secondpass.environment.software import Software
from secondpass.stats.percentiles import percentile

# The marker of the page.
MARKER = "states-size"
# What an index of so many documents of the same lengths takes is shown too.
MANY = 100_000


@dataclass(frozen=True)
class Kept:
    """One index: how it keeps states, its bytes on disk, the seconds to make it.

    `search_ms` are searches for the nearest documents with all that is kept of them, by how many
    are searched for.
    """

    states: str
    bytes: int
    seconds: float
    search_ms: dict[str, tuple[float, ...]]


@dataclass(frozen=True)
class Result:
    """All indexes of the same documents, without states first; `tokens` counts those of states."""

    created: str
    command: str
    machine: Machine
    software: Software
    documents: int
    tokens: int
    kept: tuple[Kept, ...]


def page(result: Result) -> str:
    """Return the table and what it rests on."""
    basis = setting(result.machine, result.software, "LanceDB", "lancedb")
    return (
        f"{basis}; {result.created[:10]}, "
        f"`{result.command}`.\n\n{result.documents:,} documents of "
        f"{result.tokens / result.documents:.0f} tokens.\n\n{table(result)}"
    )


def table(result: Result) -> str:
    """Return the table alone."""
    head = ("states", "on disk", "bytes a document", "of states a token", f"{MANY:,} documents")
    head += ("made in s", *(f"{n} nearest, P50 ms" for n in result.kept[0].search_ms))
    without = result.kept[0].bytes
    return markdown_table(
        head,
        [
            (
                one.states,
                f"{one.bytes / 1e6:.0f} MB",
                f"{one.bytes / result.documents:,.0f}",
                f"{(one.bytes - without) / result.tokens:.0f}",
                f"{one.bytes / result.documents * MANY / 1e9:.1f} GB",
                f"{one.seconds:.0f}",
                *(f"{percentile(times, 50):.1f}" for times in one.search_ms.values()),
            )
            for one in result.kept
        ],
    )
