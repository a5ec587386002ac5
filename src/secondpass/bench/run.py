"""One bench run: cold, warm, measured, then the depth curve."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

from secondpass.bench.arrivals import closed_loop, open_loop
from secondpass.bench.clock import Clock
from secondpass.bench.constraints import read_constraints
from secondpass.bench.depths import QUERIES as CURVE_QUERIES
from secondpass.bench.depths import DepthCurve
from secondpass.bench.efforts import QUERIES as EFFORT_QUERIES
from secondpass.bench.efforts import EffortCurve, states_are_there
from secondpass.bench.observed import observe
from secondpass.bench.process_use import ProcessMeter
from secondpass.bench.result import (
    BenchResult,
    DepthPoint,
    EffortPoint,
    QueryTimes,
    Served,
    Setting,
    Start,
    Used,
)
from secondpass.bench.stages import query_times
from secondpass.bench.table import make_rows
from secondpass.bench.workers import Measure, Workers
from secondpass.bench.workload import Loaded, Workload, asked
from secondpass.pipeline import SearchPipeline
from secondpass.progress import ProgressBar, silent
from secondpass.verify.outputs import Outputs


def run(
    loaded: Loaded,
    workload: Workload,
    setting: Setting,
    clock: Clock,
    progress: ProgressBar = silent,
) -> BenchResult:
    """Measure. Interrupted, it returns what is measured, marked incomplete.

    Raises:
        KeyboardInterrupt: nothing was measured yet.
    """
    pipeline = SearchPipeline(workload.first, loaded.reranker, setting.depth, now=clock.now)

    def measure(query: str) -> QueryTimes:
        return query_times(pipeline.search(query, setting.top_k))

    warm_up, queries = _split(workload, setting)
    cold = measure(warm_up[0])
    _warm_up(measure, warm_up[1:], progress)
    served, used = _serve(measure, queries, setting, clock, progress)
    complete = len(served) == setting.queries
    curve: tuple[DepthPoint, ...] = ()
    curve_complete = False
    if complete:
        depths = DepthCurve(workload.first, loaded.reranker, setting.depths, clock)
        curve, curve_complete = _curve(depths, queries, setting, progress)
    efforts: tuple[EffortPoint, ...] = ()
    if complete and curve_complete:
        efforts, curve_complete = _efforts(loaded, workload, queries, setting, clock, progress)
    complete = complete and curve_complete
    # An interrupted run is not recorded, and who interrupts it waits for no further query.
    observed = observe(pipeline, queries, dense=workload.dense) if complete else Outputs(())
    return BenchResult(
        complete=complete,
        finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
        setting=setting,
        constraints=read_constraints(loaded, workload, queries, setting.depth),
        start=Start(loaded.embedder_load_ms, loaded.reranker_load_ms, cold),
        rows=make_rows(
            served,
            dense=workload.dense,
            queue=setting.rate_per_second is not None,
            seed=setting.seed,
        ),
        used=used,
        depth_curve=curve,
        observed=observed,
        measured=tuple(served),
        from_states=efforts,
    )


def _split(workload: Workload, setting: Setting) -> tuple[Sequence[str], Sequence[str]]:
    """Return the cold query and those to warm up with, and the measured ones."""
    before = 1 + setting.warm_up
    queries = asked(workload.queries, before + setting.queries)
    return queries[:before], queries[before:]


def _warm_up(measure: Measure, queries: Sequence[str], progress: ProgressBar) -> None:
    if queries:
        with progress("warming up", len(queries)) as finished:
            for query in queries:
                measure(query)
                finished(1)


def _serve(
    measure: Measure,
    queries: Sequence[str],
    setting: Setting,
    clock: Clock,
    progress: ProgressBar,
) -> tuple[list[Served], Used]:
    """Measure the queries; in the order they were asked."""
    rate = setting.rate_per_second
    with progress("measuring", len(queries)) as finished:
        meter = ProcessMeter()
        workers = Workers(
            queries,
            arrival=closed_loop(clock) if rate is None else open_loop(rate, clock),
            measure=measure,
            clock=clock,
            finished=finished,
        )
        with suppress(KeyboardInterrupt):
            workers.run(setting.clients)
        use = meter.read()
    served = sorted(workers.served, key=lambda query: query.number)
    if not served:
        raise KeyboardInterrupt
    return served, Used(
        peak_memory_bytes=use.peak_bytes,
        cpu_seconds_per_query=use.cpu_seconds / len(served),
        queries_per_second=len(served) / use.wall_seconds,
    )


def _curve(
    curve: DepthCurve, queries: Sequence[str], setting: Setting, progress: ProgressBar
) -> tuple[tuple[DepthPoint, ...], bool]:
    """Return the points of the depth curve, and whether all was measured."""
    if not setting.depths:
        return (), True
    chosen = queries[:CURVE_QUERIES]
    with progress("depth curve", len(chosen) * sum(setting.depths)) as finished:
        try:
            curve.measure(chosen, finished)
            return curve.points(seed=setting.seed), True
        except KeyboardInterrupt:
            return curve.points(seed=setting.seed), False


def _efforts(
    loaded: Loaded,
    workload: Workload,
    queries: Sequence[str],
    setting: Setting,
    clock: Clock,
    progress: ProgressBar,
) -> tuple[tuple[EffortPoint, ...], bool]:
    """Return what each effort takes from states, if there are any, and whether all was measured."""
    first, reranker = workload.first, loaded.reranker
    if setting.states is None and not states_are_there(first, reranker, queries[0]):
        return (), True
    chosen = queries[:EFFORT_QUERIES]
    curve = EffortCurve(first, reranker, setting.depth, clock, setting.states)
    with progress("from states", len(chosen)) as finished:
        try:
            curve.measure(chosen, finished)
            return curve.points(seed=setting.seed), True
        except KeyboardInterrupt:
            return curve.points(seed=setting.seed), False
