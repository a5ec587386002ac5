"""Development collections: nDCG@10 of the model in training, always on the same candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from secondpass.errors import InputError
from secondpass.evaluation.collection import Collection
from secondpass.evaluation.first_stages.select import find_candidates
from secondpass.evaluation.measures import Measures
from secondpass.evaluation.open_collection import open_collection
from secondpass.evaluation.rerank import TextScorer, at_depth, rescore
from secondpass.evaluation.runs import Run
from secondpass.evaluation.text_files import find_text_file
from secondpass.progress import ProgressBar, silent
from secondpass.retrieval.embedder import Embedder
from secondpass.training.outcome import DevFacts

MEASURE = "nDCG@10"
# Where a folder has this run, its top is reranked; elsewhere BM25's.
RUN = "run.bm25.trec"


@dataclass(frozen=True, slots=True)
class DevSet:
    """A collection, cut to the queries that are asked, with their candidates.

    `judged_queries` are the texts of all judged queries, also of those that are not asked.
    """

    name: str
    collection: Collection
    judged_queries: tuple[str, ...]
    run: Run
    first_stage: str
    depth: int
    measures: Measures

    def facts(self) -> DevFacts:
        """Return how it is asked, and nDCG@10 without reranking."""
        return DevFacts(
            name=self.name,
            sha256=self.collection.sha256,
            queries=len(self.collection.qrels),
            depth=self.depth,
            first_stage=self.first_stage,
            first_stage_ndcg=float(self.measures.values(self.run)[MEASURE].mean()),
        )

    def ndcg(self, reranker: TextScorer) -> float:
        """Return nDCG@10 after a reranker has scored the top `depth` of each query.

        Raises:
            KeyboardInterrupt: it was interrupted; the measure needs all queries.
        """
        rescored = rescore(self.collection, self.run, reranker, self.depth, lambda _: None)
        if not rescored.complete:
            raise KeyboardInterrupt
        run = at_depth(self.run, rescored.scores, self.depth)
        return float(self.measures.values(run)[MEASURE].mean())


def open_dev_sets(
    folders: Sequence[Path],
    *,
    queries: int,
    depth: int,
    seed: int,
    cache_dir: Path,
    progress: ProgressBar = silent,
) -> tuple[DevSet, ...]:
    """Open each folder's test split, with at most `queries` of its queries.

    Raises:
        InputError: a folder is not a collection, or two have one name.
    """

    def open_one(folder: Path) -> DevSet:
        whole = open_collection(str(folder))
        collection = whole.sample(queries, seed)
        there = find_text_file(folder, RUN)
        stage = find_candidates(
            [f"run:{there.name}" if there else "bm25"],
            collection,
            limit=max(depth, 100),
            load_embedder=Embedder,
            cache_dir=cache_dir,
            progress=progress,
        )
        measures = Measures((MEASURE,), collection.qrels)
        return DevSet(
            name=whole.name,
            collection=collection,
            judged_queries=tuple(whole.queries[id_] for id_ in whole.qrels if id_ in whole.queries),
            run=stage.run,
            first_stage=stage.description,
            depth=depth,
            measures=measures,
        )

    opened = tuple(open_one(folder) for folder in folders)
    names = [one.name for one in opened]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"--dev: {names.count(name)} folders have the name {name!r}")
    return opened


def evaluate(sets: Sequence[DevSet], reranker: TextScorer) -> Mapping[str, float]:
    """Return nDCG@10 by collection."""
    return {one.name: one.ndcg(reranker) for one in sets}
