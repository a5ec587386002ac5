"""Simulate the server's queue, beside the load that was measured and at loads that cannot be here.

    make bench-queue

It measures nothing: speeds are those of a result of benchmarks.serve, and of benchmarks.batch where
there is one. It takes a minute, and its numbers do not depend on what else runs.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

from benchmarks.batch.result import Result as Batch
from benchmarks.queue.result import Check, Load, Rate, Result, Seen, pages
from benchmarks.queue.simulation import Assumed, Outcome, simulate
from benchmarks.run import Benchmark, command, main, now
from benchmarks.serve.result import Loaded
from benchmarks.serve.result import Result as Served
from benchmarks.serve.work import SIZES, draw
from secondpass.result_file import read_result
from secondpass.serve.served import GROUP_TOKENS

# Texts of the single requests that benchmarks.serve sends before and after its burst.
_SINGLE = 10
_LOADS = (0.5, 0.7, 0.8, 0.9, 0.95, 1.2)
_SERVERS = (1, 4, 16)


def _measure(given: argparse.Namespace) -> Iterator[Result]:
    served = read_result(given.serve, Served, "result")
    assert served.saturated
    assert served.twice
    assert served.burst
    assert served.speeds
    assumed = assumed_of(served)
    result = Result(
        created=now(),
        command=command("queue"),
        source=str(given.serve),
        processor=served.machine.processor,
        assumed=assumed,
        checks=(),
        loads=(),
        rates=tuple(_rates(served, given)),
        price=given.price,
        busy=given.busy,
    )
    for name, times, loaded in (("saturation", 1, served.saturated), ("twice", 2, served.twice)):
        check = _check(name, assumed, loaded, given.seed, times, given.others)
        result = replace(result, checks=(*result.checks, check))
    yield result
    for servers in _SERVERS:
        for share in _LOADS:
            load = _load(assumed, servers, share, given.requests * servers)
            result = replace(result, loads=(*result.loads, load))
    yield result


def assumed_of(served: Served) -> Assumed:
    """Return a server as it was measured."""
    assert served.speeds
    assert served.burst
    text_tokens = served.tokens_mean / served.texts_mean
    token_ms = 1000 / median(served.speeds.server)
    text_ms = text_tokens * token_ms
    # A stream for each thread; a group has GROUP_TOKENS for each stream.
    group_ms = served.model.threads * GROUP_TOKENS * token_ms
    return Assumed(
        text_ms, group_ms, around_ms=max(0.0, served.burst.before_ms - _SINGLE * text_ms)
    )


def _check(
    name: str, assumed: Assumed, loaded: Loaded, seed: int, times: int, others: int
) -> Check:
    sizes = [len(one.texts) for one in draw(loaded.requests, seed + times)]
    rest = [
        seen_of(simulate(assumed, sizes, loaded.a_second, seed=seed + 1 + at), len(sizes))
        for at in range(others)
    ]
    return Check(
        name=name,
        a_second=loaded.a_second,
        measured=Seen(
            loaded.requests, loaded.answered, loaded.p50_ms, loaded.p95_ms, loaded.p99_ms
        ),
        simulated=seen_of(simulate(assumed, sizes, loaded.a_second, seed=seed), len(sizes)),
        others=_middle(rest),
    )


def _load(assumed: Assumed, servers: int, share: float, requests: int) -> Load:
    sizes = random.Random(requests).choices(SIZES, k=requests)
    mean = sum(SIZES) / len(SIZES)
    a_second = share * servers * 1000 / (assumed.text_ms * mean)
    outcome = simulate(assumed, sizes, a_second, servers=servers)
    return Load(servers, share, a_second, seen_of(outcome, requests))


def seen_of(outcome: Outcome, requests: int) -> Seen:
    """Return an outcome in short."""
    return Seen(requests, len(outcome.ms), *(outcome.percentile(at) for at in (50, 95, 99)))


def _middle(seen: Sequence[Seen]) -> Seen:
    """Return the median of each number."""
    return Seen(
        requests=seen[0].requests,
        answered=round(median(one.answered for one in seen)),
        p50_ms=median(one.p50_ms for one in seen),
        p95_ms=median(one.p95_ms for one in seen),
        p99_ms=median(one.p99_ms for one in seen),
    )


def _rates(served: Served, given: argparse.Namespace) -> Iterator[Rate]:
    """Yield what was measured of pairs a second."""
    assert served.speeds
    assert served.memory
    tokens = served.tokens_mean / served.texts_mean
    yield Rate(
        what=f"server, full, {tokens:.0f} tokens a pair",
        source=str(given.serve),
        pairs_a_second=median(served.speeds.server) / tokens,
        cores=served.model.threads,
        mb=max(served.memory.mib) * 1024**2 / 1e6,
    )
    if given.batch is not None and given.batch.exists():
        batch = read_result(given.batch, Batch, "result")
        rate = next(one.rate for one in batch.ways if one.name == "batch")
        yield Rate(
            what=f"batch, {batch.effort}, texts of {batch.characters} characters",
            source=str(given.batch),
            pairs_a_second=rate,
            cores=batch.machine.cores_usable,
            mb=None if batch.memory is None else max(batch.memory.resident) / 1e6,
        )


def _add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--serve", type=Path, default=Path("benchmarks/serve/results/2026-11-26.json"))
    add("--batch", type=Path, help="a result of benchmarks.batch")
    add("--seed", type=int, default=0, help="of the load test that is simulated")
    add("--others", type=int, default=20, help="other arrivals of the same rate")
    add("--requests", type=int, default=5000, help="for each server at each load")
    add("--price", type=float, default=0.05, help="of a core for an hour: put yours here")
    add("--busy", type=float, default=0.7, help="the share of the time that cores are to be busy")


BENCHMARK = Benchmark("queue", __doc__ or "", Result, _add_options, _measure, pages)

if __name__ == "__main__":
    main(BENCHMARK)
