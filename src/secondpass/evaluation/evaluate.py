"""The evaluation: rerank a first stage's candidates, measure both, say whether it helped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from secondpass.checks import integer
from secondpass.environment.machine import read_machine
from secondpass.environment.software import read_software
from secondpass.evaluation.collection import Collection
from secondpass.evaluation.depths import quality_curve, time_depths, timed_queries, to_latency
from secondpass.evaluation.first_stages.select import FirstStage
from secondpass.evaluation.fused import scores_at
from secondpass.evaluation.measures import DEFAULT_MEASURES, Measures, Values
from secondpass.evaluation.notes import make_notes
from secondpass.evaluation.observed import observe
from secondpass.evaluation.regressions import worst_regressions
from secondpass.evaluation.rerank import Rescored, TextScorer, at_depth, candidate_texts, rescore
from secondpass.evaluation.result import (
    CollectionFacts,
    Evaluation,
    Latency,
    QueryResult,
)
from secondpass.evaluation.runs import Run
from secondpass.evaluation.verdict import compare
from secondpass.interrupts import held_interrupt
from secondpass.options.fusion import Fusion
from secondpass.progress import ProgressBar, silent
from secondpass.states.codec import StatePrecision
from secondpass.types import ModelInfo

_ALONE = Fusion()


class Reranker(TextScorer, Protocol):
    """A second stage that says what it is, such as `CrossEncoderReranker`."""

    @property
    def info(self) -> ModelInfo:
        """What is loaded."""
        ...


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The result, and the reranked run that it was measured on.

    `interrupted` tells of an interrupt that came when all was measured, and took nothing away.
    """

    evaluation: Evaluation
    run: Run
    interrupted: bool = False


def evaluate(
    collection: Collection,
    stage: FirstStage,
    reranker: Reranker,
    *,
    depth: int = 100,
    depths: Sequence[int] = (),
    fusion: Fusion = _ALONE,
    measures: Sequence[str] = DEFAULT_MEASURES,
    seed: int = 0,
    command: str = "",
    progress: ProgressBar = silent,
    states: StatePrecision | None = None,
) -> Evaluated:
    """Measure the first stage and the reranking of its top `depth` on a collection's judgements.

    Args:
        collection: its judged queries are evaluated.
        stage: the candidates, of `find_candidates`.
        reranker: the second pass.
        depth: how many candidates of each query are reranked.
        depths: further depths for the quality-latency curve; none for no curve.
        fusion: what orders the candidates: the model alone, or both stages fused.
        measures: names as ir_measures writes them; the verdict is on the first.
        seed: of the resampling, and of the choice of queries that are timed.
        command: what was called, for the result.
        progress: makes a bar from a description and a total.
        states: how the states are kept that the second pass is given, for the result.

    Raises:
        InputError: an unknown measure, a depth below 1, or data that do not belong together.
        MissingExtraError: ir_measures, psutil or scipy is not installed.
    """
    integer("depth", depth)
    curve_depths = sorted({depth, *(integer("a depth", one) for one in depths)}) if depths else []
    deepest = max(depth, *depths) if depths else depth
    # Checked now: reranking takes minutes, a misspelt name or a foreign candidate should not.
    Measures(measures, collection.qrels)
    for query_id in collection.qrels:
        candidate_texts(collection, stage.run.get(query_id, ())[:deepest])
    # The first call also starts the engine: it is not one to time.
    reranker.score("warm up", ["warm up"])
    with progress(f"reranking {deepest} a query", len(collection.qrels)) as advance:
        rescored = rescore(collection, stage.run, reranker, deepest, advance)
    done = replace(collection, qrels={id_: collection.qrels[id_] for id_ in rescored.done})
    measured = Measures(measures, done.qrels)
    latencies = _time(done, stage.run, reranker, rescored, curve_depths, seed, progress)
    # All is measured: an interrupt waits for the statistics, which take seconds.
    with held_interrupt() as interrupted:
        first = {id_: stage.run[id_] for id_ in done.qrels if id_ in stage.run}
        run = at_depth(first, scores_at(first, rescored, depth, fusion, done.queries), depth)
        before, after = measured.values(stage.run), measured.values(run)
        main = measured.names[0]
        times_ms = rescored.times_ms.values()
        latency = to_latency(times_ms) if depth == deepest else latencies.get(depth)
        evaluation = Evaluation(
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            command=command,
            machine=read_machine(),
            software=read_software(),
            complete=rescored.complete,
            collection=_facts(done),
            first_stage=stage.description,
            embedder=stage.dense.embedder if stage.dense else None,
            vectors=stage.dense.vectors if stage.dense else None,
            dimension=stage.dense.dimension if stage.dense else None,
            model=reranker.info,
            fusion=None if fusion.rule == "none" else fusion,
            depth=depth,
            seed=seed,
            comparisons=compare(before, after, seed=seed),
            latency=latency,
            curve=quality_curve(
                stage.run, rescored, fusion, done.queries, measured, curve_depths, latencies
            )
            if curve_depths
            else None,
            most_hurt=worst_regressions(done, before[main], after[main], stage.run, run),
            queries=_query_results(done, rescored, before, after),
            notes=make_notes(
                done, stage, measured, rescored, deepest, (latency, *latencies.values())
            ),
            observed=observe(stage, run, depth),
            states=states,
        )
        return Evaluated(evaluation, run, interrupted=interrupted())


def _time(
    collection: Collection,
    run: Run,
    reranker: Reranker,
    rescored: Rescored,
    depths: Sequence[int],
    seed: int,
    progress: ProgressBar,
) -> dict[int, Latency]:
    if not depths or not rescored.complete:
        return {}
    query_ids = timed_queries(rescored, seed)
    with progress("timing each depth", len(query_ids) * len(depths)) as advance:
        latencies, rescored.complete = time_depths(
            collection, run, reranker, query_ids, depths, advance
        )
    return latencies


def _facts(collection: Collection) -> CollectionFacts:
    return CollectionFacts(
        name=collection.name,
        sha256=collection.sha256,
        documents=len(collection.documents),
        queries=len(collection.qrels),
        judgements=collection.judgements,
        highest_grade=collection.highest_grade,
    )


def _query_results(
    collection: Collection, rescored: Rescored, before: Values, after: Values
) -> tuple[QueryResult, ...]:
    return tuple(
        QueryResult(
            query_id=query_id,
            first_stage={name: float(values[at]) for name, values in before.items()},
            reranked={name: float(values[at]) for name, values in after.items()},
            rerank_ms=rescored.times_ms.get(query_id),
            not_reranked=rescored.refused.get(query_id),
        )
        for at, query_id in enumerate(collection.qrels)
    )
