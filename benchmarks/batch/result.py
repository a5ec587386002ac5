"""What was measured of batches, and its page."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median

from benchmarks.pages import setting, table
from secondpass.environment.machine import Machine
from secondpass.environment.software import Software

MARKER = "batch"


@dataclass(frozen=True)
class Rates:
    """Pairs a second of one way, a number for each round; the ways take turns."""

    name: str
    rates: tuple[float, ...]

    @property
    def rate(self) -> float:
        """Return the median."""
        return median(self.rates)


@dataclass(frozen=True)
class Memory:
    """The command in a process of its own: at each second pairs done and resident bytes."""

    pairs: int
    seconds: tuple[float, ...]
    done: tuple[int, ...]
    resident: tuple[int, ...]

    @property
    def rate(self) -> float:
        """Return pairs a second, from the first file that was written to the last look."""
        first = next((at for at, done in enumerate(self.done) if done), len(self.done) - 1)
        seconds = self.seconds[-1] - self.seconds[first]
        return (self.done[-1] - self.done[first]) / seconds if seconds else 0.0


@dataclass(frozen=True)
class Result:
    """All of it, and what it depends on. `nodes` are Ray nodes of one processor each."""

    created: str
    command: str
    machine: Machine
    software: Software
    effort: str
    documents: int
    characters: int
    ways: tuple[Rates, ...] = field(default=())
    memory: Memory | None = None
    nodes: tuple[Rates, ...] = field(default=())


def page(result: Result) -> str:
    """Return the tables and what they rest on."""
    basis = setting(result.machine, result.software, "OpenVINO", "openvino")
    head = (
        f"{basis}; {result.created[:10]}, "
        f"effort {result.effort}, rows of {result.documents} texts of at most {result.characters} "
        f"characters; `{result.command}`."
    )
    parts = [head, _rates(result.ways, "of the library"), _memory(result.memory)]
    return "\n\n".join(filter(None, [*parts, _rates(result.nodes, "of one node")]))


def _rates(ways: tuple[Rates, ...], beside: str) -> str:
    if not ways:
        return ""
    rows = [
        (
            one.name,
            f"{one.rate:,.0f}",
            f"{min(one.rates):,.0f} to {max(one.rates):,.0f}",
            f"{one.rate / ways[0].rate:.2f}",
        )
        for one in ways
    ]
    return table(("", "pairs a second", "from to", beside), rows)


def _memory(memory: Memory | None) -> str:
    if memory is None or not memory.done:
        return ""
    rows = []
    for share in (0.1, 0.25, 0.5, 0.75, 1.0):
        at = next(
            (at for at, done in enumerate(memory.done) if done >= share * memory.pairs),
            len(memory.done) - 1,
        )
        rows.append((f"{memory.done[at]:,}", f"{memory.resident[at] / 1e6:.0f} MB"))
    said = f"{memory.pairs:,} pairs by the command, {memory.rate:,.0f} pairs a second:"
    return f"{said}\n\n{table(('pairs done', 'resident'), rows)}"
