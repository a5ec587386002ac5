"""What int8 costs on a judged collection."""

from __future__ import annotations

from collections.abc import Callable

from secondpass.compiling.result import Quality
from secondpass.evaluation.collection import Collection
from secondpass.evaluation.first_stages.bm25 import bm25_run
from secondpass.evaluation.measures import Measures, Values
from secondpass.evaluation.rerank import TextScorer, at_depth, rescore
from secondpass.evaluation.runs import Run
from secondpass.stats.paired import paired_difference

MEASURE = "nDCG@10"
DEPTH = 100


def measure_quality(
    fp32: TextScorer, int8: TextScorer, collection: Collection, advance: Callable[[int], None]
) -> Quality:
    """Rerank BM25's top with both. `advance` is called for each query of each.

    Raises:
        InputError: every query is refused, such as one that leaves no room for a text.
    """
    measures = Measures((MEASURE,), collection.qrels)
    run = bm25_run(collection, limit=DEPTH)
    before, after = (
        _values(ranker, collection, run, measures, advance)[MEASURE] for ranker in (fp32, int8)
    )
    difference = paired_difference(before, after, seed=0)
    return Quality(
        collection=collection.name,
        sha256=collection.sha256,
        queries=len(collection.qrels),
        depth=DEPTH,
        measure=MEASURE,
        fp32=float(before.mean()),
        int8=float(after.mean()),
        low=difference.low,
        high=difference.high,
    )


def _values(
    ranker: TextScorer,
    collection: Collection,
    run: Run,
    measures: Measures,
    advance: Callable[[int], None],
) -> Values:
    rescored = rescore(collection, run, ranker, DEPTH, advance)
    if not rescored.complete:
        raise KeyboardInterrupt
    return measures.values(at_depth(run, rescored.scores, DEPTH))
