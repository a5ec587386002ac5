"""Measure a server under load on this machine, and other servers on the same weights.

    make bench-serve

Nothing else should run beside it. With --rivals PYTHON the servers that are installed there take
part: infinity-emb[server,torch], and sentence-transformers with FastAPI and uvicorn.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.run import Benchmark, command, main, now
from benchmarks.serve import markdown
from benchmarks.serve.load import HUNG, Replies, at_once, by_clients, by_rate
from benchmarks.serve.result import Beside, Burst, Loaded, Memory, Result, Speeds
from benchmarks.serve.servers import Started, rivals, secondpass, started
from benchmarks.serve.work import Ask, draw
from benchmarks.speed.work import as_float32
from secondpass import CrossEncoderReranker
from secondpass.environment.machine import read_machine
from secondpass.environment.software import read_software
from secondpass.stats.percentiles import percentile

MARKER = "serve"
# One short text: what is measured is the server, not the model.
_SMALL = (1,)
_MIB = 1024**2
_PATIENT = ("--max-wait-ms", "60000")
OK, BUSY = 200, 429


def _measure(arguments: argparse.Namespace) -> Iterator[Result]:
    with CrossEncoderReranker() as library:
        asks = draw(arguments.requests, arguments.seed)
        tokens = [library.score(one.query, one.texts).timings.tokens for one in asks]
        result = Result(
            created=now(),
            command=command("serve"),
            machine=read_machine(),
            software=read_software(),
            model=library.info,
            clients=arguments.clients,
            texts_mean=sum(len(one.texts) for one in asks) / len(asks),
            tokens_mean=sum(tokens) / len(tokens),
        )
        # What is refused has no speed: here the server lets all wait.
        with started(secondpass(None, *_PATIENT)) as server:
            by_clients(server, asks[:10], 2)
            speeds = _speeds(library, server, asks, sum(tokens), arguments)
    yield (result := replace(result, speeds=speeds))
    a_second = len(asks) * median(speeds.server) / sum(tokens)
    with started(secondpass(None)) as server:
        by_clients(server, asks[:10], 2)
        for measured in _under_load(result, server, a_second, arguments):
            yield (result := measured)
    if arguments.rivals:
        yield replace(result, beside=_beside(arguments, asks, sum(tokens)))


def _under_load(
    result: Result, server: Started, a_second: float, arguments: argparse.Namespace
) -> Iterator[Result]:
    for name, times in (("saturated", 1), ("twice", 2)):
        rate = times * a_second
        drawn = draw(int(rate * arguments.seconds), arguments.seed + times)
        _say(f"{rate:.1f} requests a second for {arguments.seconds:g} seconds")
        replies = by_rate(server, drawn, rate, arguments.seed)
        result = replace(result, **{name: _loaded(rate, replies)})
        yield result
    result = replace(result, memory=_memory(server, arguments))
    yield result
    yield replace(result, burst=_burst(server, arguments))


def _speeds(
    library: CrossEncoderReranker,
    server: Started,
    asks: Sequence[Ask],
    tokens: int,
    arguments: argparse.Namespace,
) -> Speeds:
    """Measure the library and the server in turns."""
    rounds = []
    for number in range(arguments.rounds):
        _say(f"round {number + 1} of {arguments.rounds}: library and server")
        one, four = (_library_s(library, asks, threads) for threads in (1, 4))
        served = by_clients(server, asks, arguments.clients)
        answered = len(served.of(OK)) / len(asks)
        rounds.append((tokens / one, tokens / four, answered * tokens / served.seconds))
    return Speeds(*map(tuple, zip(*rounds, strict=True)))


def _library_s(library: CrossEncoderReranker, asks: Sequence[Ask], threads: int) -> float:
    begun = perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda one: library.score(one.query, one.texts), asks))
    return perf_counter() - begun


def _loaded(rate: float, replies: Replies) -> Loaded:
    answered, refused = replies.of(OK), replies.of(BUSY)
    hung = len(replies.of(HUNG))
    # Where nothing was answered, its times are 0.
    p50, p95, p99 = (float(percentile(answered or [0.0], share)) for share in (50, 95, 99))
    return Loaded(
        a_second=rate,
        requests=len(replies.replies),
        answered=len(answered),
        refused=len(refused),
        failed=len(replies.replies) - len(answered) - len(refused) - hung,
        hung=hung,
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        p99_refusal_ms=float(percentile(refused, 99)) if refused else None,
    )


def _memory(server: Started, arguments: argparse.Namespace) -> Memory:
    """Ask very many short requests, and read the memory in between."""
    _say(f"memory over {arguments.many:,} requests")
    parts = 5
    asks = draw(arguments.many // parts, arguments.seed, _SMALL)
    short = [Ask(one.query, [one.texts[0][:80]]) for one in asks]
    mib = []
    for _ in range(parts):
        by_clients(server, short, arguments.clients)
        mib.append(server.resident_bytes() / _MIB)
    counts = tuple(len(short) * (part + 1) for part in range(parts))
    return Memory(counts, tuple(mib))


def _burst(server: Started, arguments: argparse.Namespace) -> Burst:
    """Ask all at once, and single ones before and after."""
    _say(f"{arguments.burst:,} requests at once")
    single = draw(11, arguments.seed, (10,))
    before = by_clients(server, single, 1).of(OK)
    replies = at_once(server, draw(arguments.burst, arguments.seed, _SMALL))
    after = by_clients(server, single, 1).of(OK)
    answered, refused = len(replies.of(OK)), len(replies.of(BUSY))
    hung = len(replies.of(HUNG))
    return Burst(
        requests=len(replies.replies),
        answered=answered,
        refused=refused,
        failed=len(replies.replies) - answered - refused - hung,
        hung=hung,
        before_ms=median(before),
        after_ms=median(after),
    )


def _beside(arguments: argparse.Namespace, asks: Sequence[Ask], tokens: int) -> tuple[Beside, ...]:
    """Measure each server on the same weights, in turns, all of them running."""
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as running:
        model = as_float32(arguments.model, Path(scratch) / "model")
        servers = []
        # The others refuse nothing, so neither does ours here.
        ours = secondpass(model, *_PATIENT)
        for contestant in [ours, *rivals(arguments.rivals, model)]:
            _say(f"starting {contestant.name}")
            servers.append(running.enter_context(started(contestant)))
        for server in servers:
            by_clients(server, asks[:10], 2)
        rounds: dict[str, list[Replies]] = {one.contestant.name: [] for one in servers}
        for number in range(arguments.rival_rounds):
            for server in servers:
                _say(f"round {number + 1} of {arguments.rival_rounds}: {server.contestant.name}")
                some = asks[: arguments.rival_requests]
                rounds[server.contestant.name].append(by_clients(server, some, arguments.clients))
        share = arguments.rival_requests / len(asks)
        return tuple(
            _of_rounds(one, rounds[one.contestant.name], share * tokens) for one in servers
        )


def _of_rounds(server: Started, rounds: Sequence[Replies], tokens: float) -> Beside:
    times = [ms for replies in rounds for ms in replies.of(OK)] or [0.0]
    failed = sum(len(replies.replies) - len(replies.of(OK)) for replies in rounds)
    return Beside(
        server.contestant.name,
        tuple(tokens * len(one.of(OK)) / len(one.replies) / one.seconds for one in rounds),
        float(percentile(times, 50)),
        float(percentile(times, 99)),
        failed,
        server.resident_bytes() / _MIB,
    )


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def _add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--requests", type=int, default=100, help="requests of a round")
    add("--rounds", type=int, default=3, help="rounds of library and server")
    add("--clients", type=int, default=8, help="clients at saturation")
    add("--seconds", type=float, default=20.0, help="seconds of each rate")
    add("--many", type=int, default=10_000, help="requests over which memory is read")
    add("--burst", type=int, default=1000, help="requests at once")
    add("--rivals", type=Path, metavar="PYTHON", help="where other servers are installed")
    add("--model", type=Path, help="the folder that all servers score with, with --rivals")
    add("--rival-rounds", type=int, default=2, help="rounds of the servers")
    add("--rival-requests", type=int, default=40, help="requests of a round of each")
    add("--seed", type=int, default=0, help="which texts, and when they are asked for")


BENCHMARK = Benchmark(
    name="serve",
    about=__doc__ or "",
    kind=Result,
    add_options=_add_options,
    measure=_measure,
    show=lambda result: {MARKER: markdown.page(result)},
)

if __name__ == "__main__":
    main(BENCHMARK)
