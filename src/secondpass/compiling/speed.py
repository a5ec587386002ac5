"""Which model is faster here: the same rerank in turns, so that a busy moment slows both."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

from secondpass.compiling.result import Speed
from secondpass.evaluation.rerank import TextScorer

ROUNDS = 11


def measure_speed(
    fp32: TextScorer,
    int8: TextScorer,
    auto: TextScorer | None,
    query: str,
    texts: list[str],
    advance: Callable[[int], None],
) -> Speed:
    """Rerank in interleaved rounds, each starting with another model; all are warm by then."""
    rankers = [one for one in (fp32, int8, auto) if one is not None]
    times_ms: list[list[float]] = [[] for _ in rankers]
    for round_number in range(ROUNDS):
        for step in range(len(rankers)):
            at = (round_number + step) % len(rankers)
            times_ms[at].append(rankers[at].score(query, texts).timings.total_ms)
        advance(1)
    fp32_ms, int8_ms, *others = (median(times) for times in times_ms)
    auto_ms = others[0] if others else None
    return Speed(
        rounds=ROUNDS,
        texts=len(texts),
        fp32_ms=fp32_ms,
        int8_ms=int8_ms,
        auto_ms=auto_ms,
        speedup=(fp32_ms if auto_ms is None else auto_ms) / int8_ms,
        speedup_over_fp32=fp32_ms / int8_ms,
    )
