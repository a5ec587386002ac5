"""What a cut at min_score empties with the embedded model, and how thirty plain answers move.

    python -m benchmarks.thresholds --data ../shared/data

Prints the rows of docs/guide/rerank.md (searches that a cut empties, in brackets what it loses)
and the sentence of docs/start.md on questions that nobody chose. Some minutes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.calibration.unseen import stdlib_questions
from benchmarks.quality.task import Task, bm25_candidates, dense_candidates, open_task
from secondpass import CrossEncoderReranker, Embedder, SearchPipeline
from secondpass.cli.demo import open_index
from secondpass.cli.output import progress
from secondpass.evaluation.collection import Collection
from secondpass.evaluation.first_stages.bm25 import bm25_run

CUTS = (0.02, 0.05, 0.1, 0.2, 0.5)


@dataclass(frozen=True)
class Scored:
    """A query's scores, and which of them are of relevant texts."""

    scores: NDArray[np.float64]
    relevant: NDArray[np.bool_]


def emptied(found: list[Scored], cut: float) -> int:
    """Return how many queries have no score of at least `cut`."""
    return sum(bool((one.scores < cut).all()) for one in found)


def share_lost(found: list[Scored], cut: float) -> str:
    """Return the share of the relevant candidates that score less than `cut`."""
    scores = np.concatenate([one.scores[one.relevant] for one in found])
    return f"{np.mean(scores < cut):.0%}".replace("%", " %")


def queries_lost(found: list[Scored], cut: float) -> str:
    """Return how many queries have no relevant candidate of at least `cut`."""
    return str(sum(bool((one.scores[one.relevant] < cut).all()) for one in found))


def scored(
    reranker: CrossEncoderReranker,
    collection: Collection,
    candidates: Mapping[str, list[str]],
) -> list[Scored]:
    """Score each query's candidates."""
    found = []
    with progress(f"{collection.name}: queries", len(candidates)) as advance:
        for query_id, ids in candidates.items():
            texts = [collection.documents[id_] for id_ in ids]
            scores = reranker.score(collection.queries[query_id], texts).scores
            relevant = [collection.qrels[query_id].get(id_, 0) > 0 for id_ in ids]
            found.append(Scored(np.asarray(scores, np.float64), np.array(relevant)))
            advance(1)
    return found


def of_task(task: Task) -> dict[str, list[str]]:
    """Return each query's candidates."""
    return {id_: [one.document_id for one in ranked] for id_, ranked in task.run.items()}


def answers(judged: Mapping[str, int]) -> list[str]:
    """Return the relevant documents of a query's judgements."""
    return [id_ for id_, grade in judged.items() if grade > 0]


def with_answers(collection: Collection, depth: int) -> dict[str, list[str]]:
    """Return each query's answers and BM25's best others."""
    run = bm25_run(collection, limit=depth)
    return {
        id_: list(dict.fromkeys([*answers(judged), *(one.document_id for one in run[id_])]))
        for id_, judged in collection.qrels.items()
    }


def moved(pipeline: SearchPipeline, collection: Collection) -> tuple[int, int]:
    """Return how many questions' best answer a search of the demo's index moves up, and down."""
    up = down = 0
    for query_id, judged in collection.qrels.items():
        result = pipeline.search(collection.queries[query_id], None)
        # A long document is there in chunks, whose ids add a place to its own.
        hits = [one for one in result.hits if one.document.id.partition("#")[0] in answers(judged)]
        if hits:
            before, after = (min(getattr(one, at) for one in hits) for at in ("first_rank", "rank"))
            up, down = up + (after < before), down + (after > before)
    return up, down


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    data = parser.parse_args().data
    embedder, reranker = Embedder(), CrossEncoderReranker()
    dense = dense_candidates(embedder, progress)
    faq, cranfield = (
        open_task(data / "eval" / name, depth=depth, queries=queries, seed=0, find=find)
        for name, depth, queries, find in (
            ("course_faq", 100, 60, dense),
            ("cranfield", 30, 40, bm25_candidates),
        )
    )
    questions = stdlib_questions(data)
    columns: list[tuple[list[Scored], Callable[[list[Scored], float], str]]] = [
        (scored(reranker, faq.collection, of_task(faq)), share_lost),
        (scored(reranker, cranfield.collection, of_task(cranfield)), share_lost),
        (scored(reranker, questions, with_answers(questions, 20)), queries_lost),
    ]
    for cut in CUTS:
        cells = [f"{emptied(found, cut)} ({lost(found, cut)})" for found, lost in columns]
        print(f"| {cut} | {' | '.join(cells)} |")
    up, down = moved(SearchPipeline(open_index(embedder), reranker, 100), questions)
    print(f"{len(questions.qrels)} questions: the answer moved up for {up}, down for {down}")


if __name__ == "__main__":
    main()
