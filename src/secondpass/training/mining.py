"""Hard negatives: passages that the first stages rank high and that are not answers.

The filter is TopK-PercPos of NV-Retriever (Moreira et al. 2024, arXiv:2407.15831): a candidate
nearer to the query than a share of the positive's cosine, 95 % in the paper, is likely an answer
nobody labelled. It also leaves out what a reranker is for: what the bi-encoder has wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from secondpass.errors import InputError
from secondpass.evaluation.collection import Collection
from secondpass.evaluation.first_stages.bm25 import bm25_run
from secondpass.evaluation.first_stages.dense import corpus_vectors
from secondpass.progress import ProgressBar, silent
from secondpass.retrieval.contract import TextEmbedder, queries_checked
from secondpass.training.examples import Example, TrainingSet, query_key
from secondpass.training.recipe import Miner

# The number of documents of each stage that the filter is given.
TOP = 30
# Queries whose cosines with all passages are in memory at a time.
_BLOCK = 64


class Mined(NamedTuple):
    """Negatives of each example, as rows of the passages, and what the filter dropped."""

    negatives: tuple[tuple[int, ...], ...]
    too_near: int


@dataclass(frozen=True, slots=True)
class Mining:
    """What mines: the stages, and where the bi-encoder's vectors are kept.

    A negative's cosine is at most `nearest` times the positive's.
    """

    miners: tuple[Miner, ...]
    embedder: TextEmbedder
    cache_dir: Path
    progress: ProgressBar = silent
    nearest: float = 0.95


def mine(rows: TrainingSet, positives: Mapping[str, frozenset[str]], mining: Mining) -> Mined:
    """Return each example's own negatives and the tops of BM25 and the bi-encoder, filtered.

    Raises:
        InputError: no example has a negative left.
    """
    collection = _as_collection(rows)
    lexical = _bm25_tops(collection, mining) if "bm25" in mining.miners else {}
    vectors = corpus_vectors(collection, mining.embedder, mining.cache_dir, mining.progress)
    found: list[tuple[int, ...]] = []
    dropped = 0
    with mining.progress(f"mining {rows.name}", len(rows.examples)) as advance:
        for start in range(0, len(rows.examples), _BLOCK):
            block = rows.examples[start : start + _BLOCK]
            queries = queries_checked(mining.embedder, [example.query for example in block])
            for at, (example, cosines) in enumerate(zip(block, queries @ vectors.T, strict=True)):
                near = _nearest(cosines, TOP) if "dense" in mining.miners else ()
                candidates = [*example.given, *lexical.get(start + at, ()), *near]
                known = positives[query_key(example.query)]
                kept, too_near = choose(
                    example, candidates, rows.passages, cosines, known, mining.nearest
                )
                found.append(kept)
                dropped += too_near
            advance(len(block))
    if not any(found):
        raise InputError(
            f"{rows.path}: no negatives could be mined from its {len(rows.passages)} passages; "
            "give 'negatives', or more examples whose positives differ"
        )
    return Mined(tuple(found), dropped)


def choose(
    example: Example,
    candidates: Iterable[int],
    passages: Sequence[str],
    cosines: NDArray[np.float32],
    positives: frozenset[str],
    nearest: float,
) -> tuple[tuple[int, ...], int]:
    """Return the candidates that are negatives, each once, and how many were too near.

    Left out are positives of the query, the query's own text, and what the query is nearer to than
    to `nearest` times the positive's cosine; but the example's own negatives are believed.
    """
    others = [
        row
        for row in dict.fromkeys(candidates)
        if passages[row] not in positives and passages[row] != example.query
    ]
    limit = nearest * cosines[example.positive]
    kept = tuple(row for row in others if row in example.given or cosines[row] <= limit)
    return kept, len(others) - len(kept)


def _as_collection(rows: TrainingSet) -> Collection:
    """Name passages and queries by their rows, so that the first stages can rank them."""
    return Collection(
        name=rows.name,
        documents={str(row): text for row, text in enumerate(rows.passages)},
        queries={str(row): example.query for row, example in enumerate(rows.examples)},
        qrels={str(row): {} for row in range(len(rows.examples))},
    )


def _bm25_tops(collection: Collection, mining: Mining) -> dict[int, list[int]]:
    with mining.progress(f"BM25 of {collection.name}", len(collection.queries)) as advance:
        run = bm25_run(collection, limit=TOP, advance=advance)
    return {
        int(query_id): [int(one.document_id) for one in ranked] for query_id, ranked in run.items()
    }


def _nearest(cosines: NDArray[np.float32], count: int) -> list[int]:
    """Return the rows of the `count` highest, best first; of equal ones the first."""
    return [int(row) for row in np.argsort(-cosines, kind="stable")[:count]]
