"""What was simulated, beside what was measured, and the pages of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.pages import table
from benchmarks.queue.simulation import Assumed

CHECKED, LOADS, MACHINES = "queue checked", "queue loads", "machines"
_DAY_S = 86_400


@dataclass(frozen=True)
class Seen:
    """How requests fared: how many there were and were answered, and milliseconds."""

    requests: int
    answered: int
    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Check:
    """A load that was measured, the same arrivals simulated, and the medians of other arrivals."""

    name: str
    a_second: float
    measured: Seen
    simulated: Seen
    others: Seen


@dataclass(frozen=True)
class Load:
    """A load that was simulated alone; `share` is that of what the servers can do."""

    servers: int
    share: float
    a_second: float
    seen: Seen


@dataclass(frozen=True)
class Rate:
    """A rate that was measured: of what, where, on how many cores, and with how much memory."""

    what: str
    source: str
    pairs_a_second: float
    cores: int
    mb: float | None


@dataclass(frozen=True)
class Result:
    """All of it. `price` is money for a core for an hour: an assumption, and not a quote."""

    created: str
    command: str
    source: str
    processor: str
    assumed: Assumed
    checks: tuple[Check, ...]
    loads: tuple[Load, ...]
    rates: tuple[Rate, ...]
    price: float
    busy: float


def pages(result: Result) -> Mapping[str, str]:
    """Return the content of each marker."""
    return {
        CHECKED: _checked(result),
        LOADS: _loads(result),
        MACHINES: _machines(result),
    }


def _checked(result: Result) -> str:
    rows = []
    for one in result.checks:
        ways = (
            ("measured", one.measured),
            ("simulated", one.simulated),
            ("simulated, median of other arrivals", one.others),
        )
        for label, seen in ways:
            counts = (f"{seen.requests:,}", f"{seen.answered:,}")
            rows.append((f"{one.name}, {one.a_second:.1f}/s", label, *counts, *_times(seen)))
    head = ("load", "", "requests", "answered", "P50 ms", "P95 ms", "P99 ms")
    said = (
        f"{result.source} ({result.processor}); a text takes {result.assumed.text_ms:.2f} ms of "
        f"the server, a request {result.assumed.around_ms:.0f} ms beside; {result.created[:10]}, "
        f"`{result.command}`."
    )
    return f"{said}\n\n{table(head, rows)}"


def _loads(result: Result) -> str:
    rows = [
        (
            str(one.servers),
            f"{one.share:.0%}",
            f"{one.a_second:,.1f}",
            f"{1 - one.seen.answered / one.seen.requests:.1%}",
            *_times(one.seen),
        )
        for one in result.loads
    ]
    head = ("servers", "load", "requests a second", "refused", "P50 ms", "P95 ms", "P99 ms")
    return table(head, rows)


def _machines(result: Result) -> str:
    rows = []
    for one in result.rates:
        core = one.pairs_a_second / one.cores
        for day in (10_000_000, 1_000_000_000):
            cores = day / _DAY_S / core / result.busy
            hours = day / core / 3600 / result.busy
            rows.append(
                (
                    one.what,
                    f"{core:,.0f}",
                    f"{day / 1e6:,.0f} million",
                    f"{cores:,.1f}",
                    f"{hours:,.0f}",
                    f"{hours * result.price:,.2f}",
                    "" if one.mb is None else f"{one.mb:,.0f} MB",
                )
            )
    head = (
        "work", "pairs a second a core", "pairs a day", "cores all day", "core hours a day",
        f"a day at {result.price:g} a core hour", "memory of a process",
    )  # fmt: skip
    sources = "; ".join(f"{one.what}: {one.source}" for one in result.rates)
    said = f"Cores that are busy {result.busy:.0%} of the time. Measured rates: {sources}."
    return f"{table(head, rows)}\n\n{said}"


def _times(seen: Seen) -> tuple[str, ...]:
    return tuple(f"{ms:,.0f}" for ms in (seen.p50_ms, seen.p95_ms, seen.p99_ms))
