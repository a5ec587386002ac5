"""Measure nDCG@10 of each mode of a search, alone and reranked, on judged collections.

    python -m benchmarks.hybrid --data FOLDER --out FILE

Every mode is measured on all queries; reranked are --queries of each collection, the same ones for
all modes. A collection that is in FILE already is not measured again, and the scores of the
reranker are kept in --cache, so that a run that was stopped goes on, and one of more queries adds
to it. With 8 queries a collection it takes some ten minutes on two cores.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.hybrid.result import MARKER, Case, Result, page
from benchmarks.run import Benchmark, command, main, now
from secondpass.environment.machine import read_machine
from secondpass.environment.software import read_software
from secondpass.evaluation.collection import Collection
from secondpass.evaluation.first_stages.dense import dense_run
from secondpass.evaluation.first_stages.hybrid import hybrid_run, terms_run
from secondpass.evaluation.fused import scores_at
from secondpass.evaluation.measures import Measures
from secondpass.evaluation.open_collection import open_collection
from secondpass.evaluation.rerank import at_depth, rescore
from secondpass.evaluation.runs import Run
from secondpass.evaluation.self_matches import without_self_matches
from secondpass.options.mode import MODES, Mode
from secondpass.pipeline import default_fusion
from secondpass.reranker import CrossEncoderReranker
from secondpass.result_file import read_result
from secondpass.retrieval.embedder import Embedder
from secondpass.retrieval.index import Index, store_identity
from secondpass.retrieval.stores.memory import MemoryStore

DEPTH = 100
MEASURE = "nDCG@10"
# Those of the shortest texts first.
COLLECTIONS = ("xquad_en", "course_faq", "noveleval", "dl19", "cranfield", "cisi", "scifact")
COLLECTIONS += ("arguana",)


def first_stage(mode: Mode, collection: Collection, embedder: Embedder, cache: Path) -> Run:
    """Return what a search in a mode finds, without the queries' own documents."""
    # One more than is reranked: a query may find itself.
    if mode == "bm25":
        run = terms_run(collection, limit=DEPTH + 1)
    else:
        find = dense_run if mode == "dense" else hybrid_run
        run = find(collection, embedder, limit=DEPTH + 1, cache_dir=cache)
    kept, _ = without_self_matches(run, collection)
    return {query_id: ranked[:DEPTH] for query_id, ranked in kept.items()}


def chosen(collection: Collection, queries: int) -> Collection:
    """Return the collection with a seeded choice of its queries; more are these and others."""
    ids = list(collection.qrels)
    some = np.random.default_rng(0).permutation(len(ids))[:queries]
    return replace(collection, qrels={ids[at]: collection.qrels[ids[at]] for at in sorted(some)})


def measure_case(
    mode: Mode,
    collection: Collection,
    queries: int,
    embedder: Embedder,
    reranker: CrossEncoderReranker,
    cache: Path,
) -> Case:
    """Measure a mode on all queries, and reranked on some."""
    run = first_stage(mode, collection, embedder, cache)
    first = Measures([MEASURE], collection.qrels).values(run)[MEASURE]
    few = chosen(collection, queries)
    measures = Measures([MEASURE], few.qrels)
    rescored = rescore(few, run, reranker, DEPTH, lambda _: None)
    index = Index(MemoryStore(store_identity(embedder)), embedder)
    fusion = default_fusion(index, reranker, mode)
    again = at_depth(run, scores_at(run, rescored, DEPTH, fusion, few.queries), DEPTH)
    order = "the reranker alone" if fusion.rule == "none" else fusion.in_words
    sampled, reranked = (measures.values(one)[MEASURE] for one in (run, again))
    return Case(collection.name, mode, tuple(first), tuple(sampled), tuple(reranked), order)


def _measure(arguments: argparse.Namespace) -> Iterator[Result]:
    before = read_result(arguments.out, Result, "result") if arguments.out.exists() else None
    cases = [one for one in before.cases if _is_enough(one, arguments)] if before else []
    if before:
        yield before
    cache = arguments.cache / "scores"
    with Embedder() as embedder, CrossEncoderReranker(cache=str(cache)) as reranker:
        reranker.score("warm up", ["warm up"])
        for name in arguments.collections:
            if sum(one.collection == name for one in cases) == len(MODES):
                continue
            collection = replace(open_collection(str(arguments.data / name)), name=name)
            for mode in MODES:
                cases.append(
                    measure_case(
                        mode, collection, arguments.queries, embedder, reranker, arguments.cache
                    )
                )
                print(name, mode, file=sys.stderr)
            machine, software = read_machine(), read_software()
            yield Result(now(), command("hybrid"), machine, software, DEPTH, tuple(cases))


def _is_enough(case: Case, arguments: argparse.Namespace) -> bool:
    """Tell whether as many queries were reranked as are asked for, or all there are."""
    return len(case.reranked) >= min(arguments.queries, len(case.first))


def _add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--data", type=Path, default=Path("../shared/data/eval"), help="of the collections")
    add("--collections", nargs="+", default=list(COLLECTIONS))
    add("--queries", type=int, default=8, help="how many of a collection are reranked")
    add("--cache", type=Path, default=Path("build/hybrid"), help="for vectors and scores")


BENCHMARK = Benchmark(
    "hybrid",
    __doc__ or "",
    Result,
    _add_options,
    _measure,
    lambda result: {MARKER: page(result)},
)

if __name__ == "__main__":
    main(BENCHMARK)
