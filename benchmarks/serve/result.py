"""What was measured of a server, and whether it holds what is asked of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from secondpass.environment.machine import Machine
from secondpass.environment.software import Software
from secondpass.types import ModelInfo

# The server's tokens a second over the library's, at least.
LEAST_SHARE = 0.9
# P99 at twice the load over that at saturation, at most.
MOST_SLOWER = 2.0
# Memory after all requests over that after the first part, at most.
MOST_GROWTH = 1.1
# A request after the burst over one before, at most.
MOST_AFTER = 2.0


@dataclass(frozen=True)
class Speeds:
    """Tokens a second of each round: the library called by one thread and by four, the server."""

    one_thread: tuple[float, ...]
    four_threads: tuple[float, ...]
    server: tuple[float, ...]

    @property
    def share(self) -> float:
        """The server's over the library's best, the median of the rounds' own ratios."""
        rounds = zip(self.server, self.one_thread, self.four_threads, strict=True)
        return median(server / max(one, four) for server, one, four in rounds)


@dataclass(frozen=True)
class Loaded:
    """Responses at a load: how many of each kind, and the milliseconds of what was answered."""

    a_second: float
    requests: int
    answered: int
    refused: int
    failed: int
    hung: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    p99_refusal_ms: float | None


@dataclass(frozen=True)
class Memory:
    """Resident MiB of the server after so many requests."""

    requests: tuple[int, ...]
    mib: tuple[float, ...]

    @property
    def growth(self) -> float:
        return self.mib[-1] / self.mib[0]


@dataclass(frozen=True)
class Burst:
    """Many requests at once, and the milliseconds of single ones before and after."""

    requests: int
    answered: int
    refused: int
    failed: int
    hung: int
    before_ms: float
    after_ms: float


@dataclass(frozen=True)
class Beside:
    """A server on the weights that all of them have: tokens a second of each round, times, MiB."""

    name: str
    tokens_a_second: tuple[float, ...]
    p50_ms: float
    p99_ms: float
    failed: int
    mib: float


@dataclass(frozen=True, kw_only=True)
class Result:
    """All that was measured; what was not is None or empty."""

    schema: Literal["secondpass/serve/1"] = "secondpass/serve/1"
    created: str
    command: str
    machine: Machine
    software: Software
    model: ModelInfo
    clients: int
    texts_mean: float
    tokens_mean: float
    speeds: Speeds | None = None
    saturated: Loaded | None = None
    twice: Loaded | None = None
    memory: Memory | None = None
    burst: Burst | None = None
    beside: tuple[Beside, ...] = ()

    def checks(self) -> Sequence[tuple[str, str, bool]]:
        """Return what is asked for, what was measured, and whether it holds."""
        rows: list[tuple[str, str, bool]] = []
        if self.speeds:
            share = self.speeds.share
            rows.append(
                (
                    f"at saturation at least {LEAST_SHARE:.0%} of the library's tokens a second",
                    f"{share:.0%}",
                    share >= LEAST_SHARE,
                )
            )
        if self.saturated and self.twice:
            slower = self.twice.p99_ms / self.saturated.p99_ms
            rows.append(
                (
                    f"at twice the rate P99 of what is answered under {MOST_SLOWER:g} times",
                    f"{slower:.2f}",
                    slower < MOST_SLOWER,
                )
            )
            hung = self.saturated.hung + self.twice.hung
            rows.append(("no request hangs", f"{hung} hung", hung == 0))
        if self.memory:
            rows.append(
                (
                    f"memory is flat over {self.memory.requests[-1]:,} requests",
                    f"{self.memory.growth - 1:+.1%}",
                    self.memory.growth <= MOST_GROWTH,
                )
            )
        if self.burst:
            after = self.burst.after_ms / self.burst.before_ms
            rows.append(
                (
                    f"after {self.burst.requests:,} requests at once the next takes its usual time",
                    f"{after:.2f} times, {self.burst.hung} hung",
                    after <= MOST_AFTER and not self.burst.hung,
                )
            )
        return rows
