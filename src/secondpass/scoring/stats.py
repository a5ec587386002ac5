"""What the stages of a call took and did, as values that add."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter


@dataclass(frozen=True, slots=True)
class Stats:
    """Wall milliseconds by stage, and what was scored in them; named as in `Timings`.

    Each stage returns its own. The stats of two stages, blocks or requests add; an engine batch
    that serves several requests is divided among them by their tokens, so that sums stay true.
    """

    tokenize_ms: float = 0.0
    batch_ms: float = 0.0
    infer_ms: float = 0.0
    rank_ms: float = 0.0
    cache_ms: float = 0.0
    tokens: int = 0
    windows: int = 0
    from_states: int = 0

    def __add__(self, other: Stats) -> Stats:
        """Return the sums, field by field."""
        return Stats(
            self.tokenize_ms + other.tokenize_ms,
            self.batch_ms + other.batch_ms,
            self.infer_ms + other.infer_ms,
            self.rank_ms + other.rank_ms,
            self.cache_ms + other.cache_ms,
            self.tokens + other.tokens,
            self.windows + other.windows,
            self.from_states + other.from_states,
        )

    def share(self, share: float) -> Stats:
        """Return a part of the time; counts stay with who counted them."""
        return Stats(batch_ms=share * self.batch_ms, infer_ms=share * self.infer_ms)


NO_STATS = Stats()


def ms_since(started: float) -> float:
    """Return the milliseconds since `started`, a time of `perf_counter`."""
    return (perf_counter() - started) * 1000
