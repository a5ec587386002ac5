"""A task: a collection's judged queries and their candidates, the same for everyone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from secondpass.evaluation.collection import Collection
from secondpass.evaluation.first_stages import bm25
from secondpass.evaluation.first_stages.dense import dense_run
from secondpass.evaluation.first_stages.run_file import given_run
from secondpass.evaluation.open_collection import open_collection
from secondpass.evaluation.runs import Ranked, Run
from secondpass.evaluation.self_matches import without_self_matches
from secondpass.evaluation.text_files import find_text_file
from secondpass.progress import ProgressBar
from secondpass.retrieval.embedder import Embedder
from secondpass.settings import Settings

# The development collections, each a folder.
COLLECTIONS = (
    "dl19",
    "scifact",
    "noveleval",
    "cisi",
    "cranfield",
    "xquad_en",
    "course_faq",
    "arguana",
)

# Query id -> one score for each of its candidates, in the run's order.
Scores = Mapping[str, NDArray[np.float64]]

# A collection, its folder and how many candidates a query to the run and what made it.
FindCandidates = Callable[[Collection, Path, int], tuple[Run, str]]


@dataclass(frozen=True)
class Task:
    """`run` holds the first stage's candidates, and `collection` only the queries that it has.

    `judged_queries` counts those of the collection, before the run's or the sample's were taken.
    """

    collection: Collection
    run: Run
    first_stage: str
    judged_queries: int

    @property
    def name(self) -> str:
        return self.collection.name

    @property
    def candidates(self) -> int:
        return sum(map(len, self.run.values()))

    @property
    def first_scores(self) -> Scores:
        """The first stage's own scores."""
        return {
            query_id: np.array([one.score for one in ranked], np.float64)
            for query_id, ranked in self.run.items()
        }

    @property
    def candidates_sha256(self) -> str:
        """A hash over queries, candidates and first-stage scores, in order."""
        digest = hashlib.sha256()
        for query_id, ranked in self.run.items():
            digest.update(repr((query_id, [tuple(one) for one in ranked])).encode())
        return digest.hexdigest()

    @property
    def documents_sha256(self) -> str:
        """A hash over queries and the set of candidates of each: what a reranker reads."""
        read = {id_: sorted(one.document_id for one in found) for id_, found in self.run.items()}
        return hashlib.sha256(json.dumps(read, sort_keys=True).encode()).hexdigest()


def bm25_candidates(collection: Collection, folder: Path, limit: int) -> tuple[Run, str]:
    """Take the collection's own BM25 run, or ours where it has none."""
    file = find_text_file(folder, "run.bm25.trec")
    if file:
        return given_run(collection, file.name), file.name
    return bm25.bm25_run(collection, limit=limit), bm25.DESCRIPTION


def dense_candidates(embedder: Embedder, progress: ProgressBar) -> FindCandidates:
    """Return a first stage of the nearest documents of all by cosine."""

    def find(collection: Collection, _: Path, limit: int) -> tuple[Run, str]:
        cache = Settings.from_environment().cache_dir
        run = dense_run(collection, embedder, limit=limit, cache_dir=cache, progress=progress)
        return run, f"dense ({embedder.name})"

    return find


def open_task(
    folder: Path,
    *,
    depth: int,
    queries: int | None,
    seed: int,
    find: FindCandidates = bm25_candidates,
) -> Task:
    """Read a collection and the top `depth` of its first stage.

    A query that is itself a document does not get that document; in a pooled collection only the
    pool answers. `queries` evaluates a random sample of that many.
    """
    whole = open_collection(str(folder))
    run, found_by = find(whole, folder, depth + 1)
    run, _ = without_self_matches(_in_pool(run, whole), whole)
    # A run file may be of some of the judged queries: no candidates, nothing to rerank.
    kept = replace(whole, qrels={id_: whole.qrels[id_] for id_ in whole.qrels if run.get(id_)})
    collection = kept.sample(queries, seed) if queries else kept
    return Task(
        collection=collection,
        run={id_: run[id_][:depth] for id_ in collection.qrels},
        first_stage=found_by,
        judged_queries=len(whole.qrels),
    )


def in_order(ranked: Sequence[Ranked], order: Iterable[int]) -> tuple[Ranked, ...]:
    """Return candidates in another order, which their scores keep: `order` holds positions."""
    return tuple(Ranked(ranked[at].document_id, -float(place)) for place, at in enumerate(order))


def _in_pool(run: Run, collection: Collection) -> Run:
    pool = collection.pool
    if pool is None:
        return run
    return {
        id_: tuple(one for one in ranked if one.document_id in pool.get(id_, ()))
        for id_, ranked in run.items()
    }
